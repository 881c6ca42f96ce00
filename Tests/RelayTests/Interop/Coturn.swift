import Glibc
import TestSupport
import Testing
import Warren
import WarrenRelay

/// coturn, a relay that others have written, on loopback: started for one test with a configuration of its own.
struct Coturn {
  static let obstacle: Comment? =
    system("PATH=$PATH:/usr/sbin command -v turnserver >/dev/null 2>&1") == 0
    ? nil : "coturn is not there: Scripts/interop.sh, or apt-get install coturn"

  let folder: String
  let port: UInt16

  /// Lends `body` a running relay with these options besides the usual.
  static func with(
    _ options: [String] = [], on machine: any Machine, _ body: (Coturn) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      let port = try freePort(on: machine)
      Folder.put(configuration(folder, port, options), at: folder + "/conf")
      let start =
        "cd \(folder) && PATH=$PATH:/usr/sbin && { turnserver -c conf >out 2>&1 & echo $! >process; }"
      #expect(system(start) == 0)
      // It has the signals blocked that the thread has that started it: only this one always comes. What it writes must have ended
      // before its folder goes.
      let end =
        "p=$(cat \(folder)/process); kill -KILL $p && timeout 5 sh -c \"while ls /proc/$p/fd/* >/dev/null 2>&1; do sleep 0.01; done\""
      defer { #expect(system(end) == 0, "coturn has ended by itself") }
      for family in [IPAddress.Family.v4, .v6] {
        // It listens for TCP before it has a socket for UDP.
        try await awaitListener(at: .loopback(family, port: port), on: machine)
        try await awaitAnswer(at: .loopback(family, port: port), on: machine)
      }
      try await body(Coturn(folder: folder, port: port))
    }
  }

  private static func configuration(_ folder: String, _ port: UInt16, _ options: [String]) -> String {
    let usual = [
      "listening-ip=127.0.0.1", "listening-ip=::1", "relay-ip=127.0.0.1", "relay-ip=::1",
      "listening-port=\(port)",
      "lt-cred-mech", "user=alice:sesame", "realm=test", "no-cli", "allow-loopback-peers", "no-dtls",
      "no-rfc5780", "userdb=\(folder)/db", "log-file=\(folder)/log", "simple-log", "verbose",
      "pidfile=\(folder)/pid", "relay-threads=1", "allocation-default-address-family=ipv4",
    ]
    // Who has a certificate speaks TLS, at the same port.
    let isSecure = options.contains { $0.hasPrefix("cert=") }
    return (usual + (isSecure ? [] : ["no-tls"]) + options).joined(separator: "\n") + "\n"
  }

  /// A port that was free just now, and that the system gives to nobody who does not ask for it.
  static func freePort(on machine: any Machine) throws -> UInt16 {
    var random = machine.random
    while true {
      let port = UInt16.random(in: 12_000..<32_000, using: &random)
      for family in [IPAddress.Family.v4, .v6] {
        guard let listener = try? machine.listenTCP(on: .loopback(family, port: port)) else { break }
        listener.close()
        guard let socket = try? machine.bindUDP(to: .loopback(family, port: port)) else { break }
        socket.close()
        if family == .v6 { return port }
      }
    }
  }

  /// Waits until somebody listens there, ten seconds at most.
  static func awaitListener(at address: SocketAddress, on machine: any Machine) async throws {
    let end = machine.now.advanced(by: .seconds(10))
    while true {
      do { return try await machine.connectTCP(to: address).close() } catch {
        guard machine.now < end else { throw error }
        try await machine.sleep(for: .milliseconds(50))
      }
    }
  }

  /// Asks over UDP until somebody answers, ten seconds at most.
  static func awaitAnswer(at address: SocketAddress, on machine: any Machine) async throws {
    let socket = try machine.bindUDP(to: .any(address.ip.family))
    defer { socket.close() }
    nonisolated(unsafe) var isAnswered = false
    socket.onDatagrams = { _ in isAnswered = true }
    var random = machine.random
    var writer = STUNMessageWriter()
    let end = machine.now.advanced(by: .seconds(10))
    while !isAnswered {
      guard machine.now < end else { throw NetworkError.timedOut(address) }
      writer.begin(.request, .binding, TransactionID(using: &random))
      var outbox = DatagramOutbox()
      outbox.append(writer.bytes, to: address)
      socket.sendOrDrop(&outbox)
      try await machine.sleep(for: .milliseconds(20))
    }
  }

  /// Where it is.
  func server(
    _ transport: RelayServerAddress.Transport = .udp, _ family: IPAddress.Family = .v4,
    password: String = "sesame"
  ) -> RelayServerAddress {
    RelayServerAddress(
      host: "\(IPAddress.loopback(family))", port: port, transport: transport, username: "alice",
      password: password)
  }

  /// What it has written down.
  var log: String { Folder.text(of: folder + "/log") ?? "" }
}
