import Glibc
import TestSupport
import Testing
import Warren

@testable import WarrenRelay

/// Our client at coturn, which somebody else has written, over loopback.
///
/// One test after the other, since each takes ports that were free just before.
@Suite("A relay of coturn's", .serialized, .enabled(if: Coturn.obstacle == nil, Coturn.obstacle))
struct CoturnTests {
  private typealias Memory = RelayedSocketTests.Memory

  /// Runs `body` on a machine that leaves nothing open.
  func withMachine(_ body: @escaping @Sendable (LocalMachine) async throws -> Void) async throws {
    let open = try await onLocalMachines(["client"]) { machines in
      let machine = machines[0]
      try await machine.withDeadline(.seconds(60)) { try await body(machine) }
    }
    #expect(open == [0])
  }

  /// Datagrams both ways between the socket and a peer on loopback.
  func carry(_ socket: RelayedSocket, on machine: LocalMachine, rounds: Int = 1) async throws {
    let memory = Memory(of: socket)
    let probe = Probe(on: machine)
    let peer = try await probe.bind(.loopback(socket.localAddress.ip.family))
    for round in 0..<rounds {
      let payloads = (0..<10).map { [UInt8](repeating: UInt8(10 * round + $0), count: 100 * $0 + 1) }
      try RelayedSocketTests.send(payloads, to: peer, by: socket)
      await probe.waitFor(10 * (round + 1))
      #expect(await probe.received.suffix(10).map(\.bytes) == payloads)
      #expect(await probe.received.allSatisfy { $0.from == socket.localAddress })
      for payload in payloads { try await probe.send(payload, to: socket.localAddress) }
      try await RelayedSocketTests.until(machine) { memory.received.count == 10 * (round + 1) }
      #expect(memory.received.suffix(10).map(\.bytes) == payloads)
      #expect(memory.received.allSatisfy { $0.from == peer })
      if rounds > 1 { try await machine.sleep(for: .milliseconds(400)) }
    }
    #expect(memory.errors.isEmpty && memory.failures.isEmpty)
    await probe.close()
  }

  @Test(
    "carries datagrams over UDP and TCP, from and to both families, and takes the address back",
    arguments: [RelayServerAddress.Transport.udp, .tcp], [IPAddress.Family.v4, .v6])
  func carries(transport: RelayServerAddress.Transport, family: IPAddress.Family) async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { coturn in
        for relayed in [IPAddress.Family.v4, .v6] {
          var terms = AllocationTerms()
          terms.family = relayed
          let socket = try await RelayClient.allocate(
            at: [coturn.server(transport, family)], on: machine, terms)
          #expect(socket.localAddress.ip == .loopback(relayed))
          try await carry(socket, on: machine)
          socket.close()
        }
        try await RelayedSocketTests.until(machine) {
          coturn.log.components(of: "username=<alice>, lifetime=0") == 2
        }
      }
    }
  }

  @Test(
    "gives one family where it does not understand that both are wanted: it knows a draft's number for that")
  func both() async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { coturn in
        var terms = AllocationTerms()
        terms.wantsBothFamilies = true
        let socket = try await RelayClient.allocate(at: [coturn.server()], on: machine, terms)
        #expect(socket.relayedAddresses.map(\.ip) == [.loopback(.v4)])
        try await carry(socket, on: machine)
        socket.close()
      }
    }
  }

  @Test("carries datagrams over TLS 1.3, which OpenSSL speaks for it: coturn itself ends at 1.2")
  func secure() async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { coturn in
        let folder = coturn.folder
        let make =
          "cd \(folder) && for name in server client; do openssl req -x509 -newkey ed25519 -nodes -keyout $name.key "
          + "-out $name.pem -days 1 -subj /CN=localhost 2>/dev/null; done"
        #expect(system(make) == 0)
        Folder.put(Self.front, at: folder + "/front.py")
        let start =
          "cd \(folder) && { python3 front.py \(coturn.port) >front 2>errors & echo $! >front.pid; }"
        #expect(system(start) == 0)
        defer { #expect(system("kill -KILL $(cat \(folder)/front.pid)") == 0) }
        let line = try await Folder.line(of: folder + "/front", on: machine)
        var server = coturn.server(.tls)
        server.port = try #require(UInt16(line.dropLast()))
        server.authorities = nil
        let identity = try TLSIdentity(
          certificate: #require(Folder.text(of: folder + "/client.pem")),
          key: #require(Folder.text(of: folder + "/client.key")))
        let socket = try await RelayClient.allocate(at: [server], on: machine, identity: identity)
        try await carry(socket, on: machine)
        socket.close()
        // Somebody else's key is another relay's.
        var random = machine.random
        server.key = PrivateKey(using: &random).peerID
        let error = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: [server], on: machine, identity: identity)
        }
        guard case .tls(let reason)? = error?.code, case .wrongPeer = reason.code else {
          Issue.record("\(String(describing: error))")
          return
        }
      }
    }
  }

  private static let front = """
    import socket, ssl, sys, threading
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain("server.pem", "server.key")
    context.set_alpn_protocols(["stun.turn"])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def carry(source, sink):
      try:
        while data := source.recv(65536):
          sink.sendall(data)
      except OSError:
        pass
      finally:
        for end in source, sink:
          try:
            end.shutdown(socket.SHUT_RDWR)
          except OSError:
            pass

    def serve(plain):
      try:
        client = context.wrap_socket(plain, server_side=True)
      except (OSError, ssl.SSLError):
        return plain.close()
      relay = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
      for ends in ((client, relay), (relay, client)):
        threading.Thread(target=carry, args=ends, daemon=True).start()

    while True:
      threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    """

  @Test("carries TCP, to peers and from them", arguments: [IPAddress.Family.v4, .v6])
  func streams(family: IPAddress.Family) async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { coturn in
        var terms = AllocationTerms()
        terms.family = family
        let listener = try await RelayClient.listen(at: [coturn.server(.tcp)], on: machine, terms)
        #expect(listener.localAddress.ip == .loopback(family))
        let door = try machine.listenTCP(on: .loopback(family))
        let near = try await listener.connect(to: door.localAddress)
        let far = try await door.accept()
        #expect(far.remoteAddress == listener.localAddress && near.remoteAddress == door.localAddress)
        try await Self.carry(near, far, on: machine)
        let nowhere = SocketAddress(.loopback(family), port: 1)
        let error = await #expect(throws: RelayError.self) { _ = try await listener.connect(to: nowhere) }
        #expect(error?.code == .unreachablePeer)
        listener.permit([.loopback(family)])
        // It says nowhere that it has granted this, but in its answer.
        try await RelayedSocketTests.until(machine) { listener.isPermitted(.loopback(family)) }
        let peer = try await machine.connectTCP(to: listener.localAddress)
        let arrived = try await listener.accept()
        #expect(arrived.remoteAddress == peer.localAddress)
        try await Self.carry(arrived, peer, on: machine)
        listener.close()
        door.close()
      }
    }
  }

  private static func carry(
    _ one: any TCPConnection, _ other: any TCPConnection, on machine: LocalMachine
  ) async throws {
    let said = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    for (writer, reader) in [(one, other), (other, one)] {
      nonisolated(unsafe) let own = writer
      let writing = machine.spawn("words") { try await own.write(said) }
      #expect(try await reader.read(exactly: said.count) == said)
      try await writing.value
    }
    try one.finish()
    // It knows no end of one side alone, and says it by a reset.
    let heard = try? await other.read()
    #expect(heard == nil)
    one.close()
    other.close()
  }

  @Test("keeps permissions and channels that are renewed, however short they last")
  func renewed() async throws {
    try await withMachine { machine in
      try await Coturn.with(["permission-lifetime=3", "channel-lifetime=4", "stale-nonce=2"], on: machine) {
        coturn in
        var terms = AllocationTerms()
        (terms.permissionLifetime, terms.channelLifetime) = (.seconds(3), .seconds(4))
        let socket = try await RelayClient.allocate(at: [coturn.server()], on: machine, terms)
        let nonce = socket.challenge?.nonce
        try await carry(socket, on: machine, rounds: 16)
        // And the nonces ended several times meanwhile.
        #expect(nonce != nil && socket.challenge?.nonce != nonce)
        socket.close()
      }
    }
  }

  @Test("follows to another of this machine's ports")
  func mobile() async throws {
    try await withMachine { machine in
      try await Coturn.with(["mobility"], on: machine) { coturn in
        let socket = try await RelayClient.allocate(at: [coturn.server()], on: machine)
        #expect(socket.canMove)
        let memory = Memory(of: socket)
        let probe = Probe(on: machine)
        let peer = try await probe.bind(.loopback(.v4))
        try RelayedSocketTests.send([[0]], to: peer, by: socket)
        await probe.waitFor(1)
        for round in 1...3 as ClosedRange<UInt8> {
          socket.networkChanged()
          try await RelayedSocketTests.until(machine) { !socket.isMoving }
          try RelayedSocketTests.send([[round]], to: peer, by: socket)
          await probe.waitFor(Int(round) + 1)
          #expect(await probe.received.last?.bytes == [round])
          try await probe.send([round], to: socket.localAddress)
          try await RelayedSocketTests.until(machine) { memory.received.count == Int(round) }
        }
        #expect(memory.errors.isEmpty)
        socket.close()
        await probe.close()
      }
    }
  }

  @Test("finds out that there is no mobility, and that it has forgotten the address")
  func fixed() async throws {
    try await withMachine { machine in
      nonisolated(unsafe) var lost: (socket: RelayedSocket, memory: Memory, port: UInt16)?
      try await Coturn.with(on: machine) { coturn in
        let socket = try await RelayClient.allocate(at: [coturn.server()], on: machine)
        #expect(!socket.canMove)
        // Nothing has changed: it stays.
        socket.networkChanged()
        try await carry(socket, on: machine)
        lost = (socket, Memory(of: socket), coturn.port)
      }
      let (socket, memory, port) = try #require(lost)
      // It takes a moment to end.
      try await RelayedSocketTests.until(machine) {
        guard let free = try? machine.bindUDP(to: .loopback(.v4, port: port)) else { return false }
        free.close()
        return true
      }
      // Another coturn at the same port knows nothing of it.
      try await Coturn.with(["aux-server=127.0.0.1:\(port)"], on: machine) { _ in
        try await Coturn.awaitAnswer(at: .loopback(.v4, port: port), on: machine)
        socket.networkChanged()
        try await RelayedSocketTests.until(machine) { !memory.errors.isEmpty }
        #expect(memory.errors.map(\.code) == [.forgotten])
      }
    }
  }

  @Test("sends on to another, and knows a wrong password")
  func refusals() async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { second in
        try await Coturn.with(["alternate-server=127.0.0.1:\(second.port)"], on: machine) { first in
          let socket = try await RelayClient.allocate(at: [first.server()], on: machine)
          #expect(socket.relay.port == second.port)
          try await carry(socket, on: machine)
          socket.close()
        }
        let wrong = [second.server(password: "barley"), second.server(.tcp, password: "barley")]
        for server in wrong {
          let error = await #expect(throws: RelayError.self) {
            _ = try await RelayClient.allocate(at: [server], on: machine)
          }
          #expect(error?.code == .wrongPassword)
        }
      }
    }
  }

  @Test("has no more allocations than its quota, and lets in no peers that it forbids")
  func quota() async throws {
    try await withMachine { machine in
      try await Coturn.with(["user-quota=1", "denied-peer-ip=127.0.0.9"], on: machine) { coturn in
        let socket = try await RelayClient.allocate(at: [coturn.server()], on: machine)
        let error = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: [coturn.server()], on: machine)
        }
        #expect(error?.code == .quota)
        let memory = Memory(of: socket)
        let forbidden = SocketAddress(IPAddress(127, 0, 0, 9), port: 7)
        try RelayedSocketTests.send([[1]], to: forbidden, by: socket)
        try await RelayedSocketTests.until(machine) { !memory.failures.isEmpty }
        #expect(memory.failures.map(\.destination) == [forbidden])
        socket.close()
      }
    }
  }

  @Test("carries QUIC", arguments: [RelayServerAddress.Transport.udp, .tcp])
  func quic(transport: RelayServerAddress.Transport) async throws {
    try await withMachine { machine in
      try await Coturn.with(on: machine) { coturn in
        let alice = try await RelayClient.allocate(at: [coturn.server(transport)], on: machine)
        let bob = try await RelayClient.allocate(at: [coturn.server(transport)], on: machine)
        try await RelayedQUICTests.transfer(1_000_000, on: machine, from: alice, to: bob)
        alice.close()
        bob.close()
      }
    }
  }
}

extension String {
  /// How many times it has `part` in it.
  fileprivate func components(of part: String) -> Int {
    var (count, rest) = (0, self[...])
    while let found = rest.firstRange(of: part) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}
