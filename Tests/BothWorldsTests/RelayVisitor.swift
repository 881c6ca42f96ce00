import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

/// A client of a relay that knows nothing but messages, over whatever carries them.
actor RelayVisitor {
  enum Carrier: CaseIterable, CustomTestStringConvertible {
    case udp, tcp, tls
    var testDescription: String { "\(self)" }
  }

  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var socket: (any UDPSocket)?
  private var tcp: (any TCPConnection)?
  private var tls: TLSConnection?
  private var server: SocketAddress
  private var inbox = Queue<[UInt8]>()
  private var wait: Wait<Void>?
  private var nonce: [UInt8] = []
  private let key = STUNKey(username: "alice", realm: "warren", password: "secret")
  private(set) var hasEnded = false
  private var isListening = true

  init(on machine: any Machine, to addresses: RelayServer.Addresses, over carrier: Carrier) async throws {
    self.machine = machine
    server = addresses.plain[0]
    switch carrier {
    case .udp:
      let socket = try machine.bindUDP(to: .any(.v4))
      self.socket = socket
      socket.deliver(to: self) { visitor, batch in
        batch.forEach { datagram in visitor.inbox.append(datagram.payload.withUnsafeBytes { Array($0) }) }
        visitor.wait?.succeed(())
      }
    case .tcp:
      let connection = try machine.openTCP(to: server, options: TCPOptions())
      try await connection.opened()
      tcp = connection
    case .tls:
      server = try #require(addresses.tls)
      nonisolated(unsafe) let connection = try machine.openTCP(to: server, options: TCPOptions())
      try await connection.opened()
      var random = machine.random
      let identity = try TLSIdentity(PrivateKey(using: &random))
      tls = try await TLSConnection.connect(
        over: connection, identity, TLSConfiguration(protocols: [RelayServer.protocolName]), expecting: nil)
    }
  }

  /// Hears what comes over a connection.
  func listen() {
    guard socket == nil else { return }
    machine.spawn("a visitor's ears") { await self.hear() }
  }

  /// Takes one thing more, and then nothing.
  func stopListening() { isListening = false }

  private func hear() async {
    var reader = RelayStreamReader()
    do {
      while isListening, let bytes = try await read() {
        reader.append(bytes)
        try reader.forEach { message in
          inbox.append(message.withUnsafeBytes { Array($0) })
          return true
        }
        wait?.succeed(())
      }
    } catch {
      // It is over, which is what is looked at.
    }
    hasEnded = true
    wait?.succeed(())
  }

  private func read() async throws -> [UInt8]? {
    if let tcp { return try await tcp.read() }
    return try await tls?.read()
  }

  func close() async {
    socket?.close()
    tcp?.close()
    await tls?.close()
  }

  // MARK: Words

  func say(_ bytes: [UInt8]) async throws {
    if let socket {
      var outbox = DatagramOutbox()
      outbox.append(bytes.span.bytes, to: server)
      try socket.send(&outbox)
    } else if let tcp {
      try await tcp.write(bytes)
    } else {
      try await tls?.write(bytes)
    }
  }

  /// What comes next.
  func next() async throws -> [UInt8] {
    while inbox.isEmpty {
      // The server has hung up.
      if hasEnded { throw NetworkError.closed }
      try await machine.suspend({ "a relay's words" }) { (wait: Wait<Void>) in
        self.wait = wait
        if !inbox.isEmpty || hasEnded { wait.succeed(()) }
      }
    }
    return inbox.popFirst()!
  }

  /// Asks, and signs as soon as that is wished for.
  func ask(
    _ method: STUNMethod, _ fill: @Sendable (inout STUNMessageWriter) -> Void
  ) async throws -> [UInt8] {
    for _ in 0..<2 {
      var random = machine.random
      var writer = STUNMessageWriter()
      writer.begin(.request, method, TransactionID(using: &random))
      fill(&writer)
      if !nonce.isEmpty {
        writer.add(.username, "alice")
        writer.add(.realm, "warren")
        writer.add(.nonce, nonce.span.bytes)
        writer.sign(with: key)
      }
      try await say(writer.copy)
      let answer = try await next()
      let message = try STUNMessage(answer.span.bytes)
      guard message.errorCode == .unauthenticated, let fresh = message.value(of: .nonce) else {
        return answer
      }
      nonce = fresh.withUnsafeBytes { Array($0) }
    }
    return []
  }

  /// Signed requests, one for each of some numbers, to be said at once.
  func requests(
    _ method: STUNMethod, of numbers: [UInt16], _ fill: @Sendable (inout STUNMessageWriter, UInt16) -> Void
  ) throws -> [[UInt8]] {
    var random = machine.random
    return numbers.map { number in
      var writer = STUNMessageWriter()
      writer.begin(.request, method, TransactionID(using: &random))
      fill(&writer, number)
      writer.add(.username, "alice")
      writer.add(.realm, "warren")
      writer.add(.nonce, nonce.span.bytes)
      writer.sign(with: key)
      return writer.copy
    }
  }

  func allocate() async throws -> SocketAddress {
    let answer = try await ask(.allocate) { $0.add(.requestedTransport, 17 << 24 as UInt32) }
    let message = try STUNMessage(answer.span.bytes)
    let relayed = message.maskedAddress(.xorRelayedAddress)
    return try #require(relayed)
  }

  func succeeds(
    _ method: STUNMethod, _ fill: @Sendable (inout STUNMessageWriter) -> Void
  ) async throws -> Bool {
    let answer = try await ask(method, fill)
    let message = try STUNMessage(answer.span.bytes)
    return message.messageClass == .success
  }

  func permit(_ peer: SocketAddress) async throws {
    #expect(try await succeeds(.createPermission) { $0.add(.xorPeerAddress, masked: peer) })
  }

  func bind(_ number: UInt16, to peer: SocketAddress) async throws {
    #expect(
      try await succeeds(.channelBind) {
        $0.add(.channelNumber, UInt32(number) << 16)
        $0.add(.xorPeerAddress, masked: peer)
      })
  }

  func send(_ payload: [UInt8], on number: UInt16) async throws {
    try await say(channelFrame(number, payload, padded: socket == nil))
  }

  /// Datagrams of a channel, all at once.
  func send(all payloads: [[UInt8]], on number: UInt16) async throws {
    guard let socket else {
      return try await say(payloads.flatMap { channelFrame(number, $0, padded: true) })
    }
    var outbox = DatagramOutbox()
    for payload in payloads {
      outbox.append(channelFrame(number, payload, padded: false).span.bytes, to: server)
    }
    try socket.send(&outbox)
  }

  func indicate(_ payload: [UInt8], to peer: SocketAddress, isWhole: Bool = false) async throws {
    var random = machine.random
    var writer = STUNMessageWriter()
    writer.begin(.indication, .send, TransactionID(using: &random))
    writer.add(.xorPeerAddress, masked: peer)
    writer.add(.data, payload.span.bytes)
    if isWhole { writer.add(.dontFragment) }
    try await say(writer.copy)
  }

  /// What a channel brings next.
  func hearOn(_ number: UInt16) async throws -> [UInt8] {
    let bytes = try await next()
    let data = ChannelData(bytes.span.bytes)
    let found = data?.channel
    #expect(found == number)
    return Array(bytes[4..<4 + Int(bytes[2]) << 8 + Int(bytes[3])])
  }

  /// What a Data indication brings next.
  func hearIndication() async throws -> (SocketAddress?, [UInt8]) {
    let bytes = try await next()
    let message = try STUNMessage(bytes.span.bytes)
    let isData = message.method == .data && message.messageClass == .indication
    #expect(isData)
    let data = message.value(of: .data)?.withUnsafeBytes { Array($0) }
    return (message.maskedAddress(.xorPeerAddress), data ?? [])
  }
}

/// A relay's server on one machine, and what a test does on the other.
struct RelayScene: Sendable {
  var pair: TwoMachines.Pair
  var server: RelayServer
  var addresses: RelayServer.Addresses

  static func run(
    _ world: TwoMachines, _ change: @escaping @Sendable (inout RelayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (RelayScene) async throws -> Void
  ) async throws {
    try await world.run { pair in
      let ip = pair.bobIP(.v4)
      var configuration = RelayConfiguration(
        RelayCredentials(users: ["alice": "secret"]), at: RelayAddress(ip))
      // Neither world is the internet.
      configuration.permits = [IPPrefix(ip, length: 32), IPPrefix(pair.aliceIP(.v4), length: 32)]
      change(&configuration)
      var random = pair.bob.random
      let identity = try TLSIdentity(PrivateKey(using: &random))
      let server = RelayServer(on: pair.bob, configuration, identity: identity)
      let addresses = try await server.start(at: SocketAddress(ip, port: 0), tls: SocketAddress(ip, port: 0))
      let scene = RelayScene(pair: pair, server: server, addresses: addresses)
      let result: Result<Void, any Error>
      do { result = .success(try await body(scene)) } catch { result = .failure(error) }
      await server.stop()
      try result.get()
    }
  }

  func visitor(over carrier: RelayVisitor.Carrier = .udp) async throws -> RelayVisitor {
    let visitor = try await RelayVisitor(on: pair.alice, to: addresses, over: carrier)
    await visitor.listen()
    return visitor
  }
}
