import Warren

/// Peers of a registry that say what was written beforehand, and only count what they are told: little of what they cost is
/// to be in the way of the server.
///
/// Used on its machine's executor alone: hence `@unchecked`.
final class RegistryPeer: @unchecked Sendable {
  /// The kinds of messages that are said or understood here.
  enum Kind: UInt8 {
    case hello = 0
    case register, renew
    case find = 5
    case introduce = 8
    case welcome = 64
    case done, failed, found
    case introduced = 69
    case accepted = 70
    case end = 129
  }

  private enum Link {
    case quic(QUICEndpoint, Connection, Connection.Stream)
    case tls(TLSConnection)
  }

  let key: PrivateKey
  private let link: Link
  private var bytes: [UInt8] = []
  /// How many messages of each kind have come.
  private(set) var counts = [Int](repeating: 0, count: 256)
  /// The introductions that were accepted and not ended.
  private var open: [UInt64] = []

  private init(_ key: PrivateKey, _ link: Link) {
    self.key = key
    self.link = link
  }

  /// A peer over QUIC that is connected and registered.
  static func overQUIC(to address: RegistryAddress, on machine: any Machine) async throws -> RegistryPeer {
    var random = machine.random
    let key = PrivateKey(using: &random)
    var configuration = QUICConfiguration(protocols: [RegistryMessage.protocolName])
    configuration.initialRoundTrip = .milliseconds(10)
    let endpoint = QUICEndpoint(on: machine, try QUICIdentity(key), configuration)
    try await endpoint.bind(to: .loopback(.v4))
    let remote = SocketAddress(try IPAddress(address.host), port: address.port)
    let connection = try await endpoint.connect(to: remote, expecting: address.key)
    let peer = RegistryPeer(key, .quic(endpoint, connection, try await connection.openStream()))
    try await peer.begin()
    return peer
  }

  /// A peer over TLS that is connected and registered.
  static func overTLS(to address: RegistryAddress, on machine: any Machine) async throws -> RegistryPeer {
    var random = machine.random
    let key = PrivateKey(using: &random)
    let remote = SocketAddress(try IPAddress(address.host), port: address.port)
    let tcp = try await machine.connectTCP(to: remote)
    let connection = try await TLSConnection.connect(
      over: tcp, try TLSIdentity(key), TLSConfiguration(protocols: [RegistryMessage.protocolName]),
      expecting: address.key)
    let peer = RegistryPeer(key, .tls(connection))
    try await peer.begin()
    return peer
  }

  private func begin() async throws {
    try await write(Self.message(.hello) + registration)
    try await read(until: .done, 1)
  }

  /// What it says of itself: a name, that everyone may connect, and two addresses.
  var registration: [UInt8] {
    let name = Array("peer \(key.peerID.description.prefix(16))".utf8)
    return Self.message(
      .register, Self.field(1, name) + Self.field(4, [1]) + Self.field(15, [1]) + Self.addresses)
  }

  private static let addresses =
    field(3, [0x11, 0x51, 192, 168, 1, 7]) + field(3, [0x11, 0x51, 127, 0, 0, 1])

  /// - Parameter packet: how many bytes of a first packet are handed over; 0 for none.
  static func introduction(to peer: PeerID, packet: Int) -> [UInt8] {
    message(
      .introduce,
      field(2, peer.bytes) + addresses
        + (packet > 0 ? field(5, [UInt8](repeating: 0xC0, count: packet)) : []))
  }

  static func lookUp(_ peer: PeerID) -> [UInt8] { message(.find, field(2, peer.bytes)) }

  static func message(_ kind: Kind, _ fields: [UInt8] = []) -> [UInt8] {
    let size = 5 + fields.count
    return [UInt8(size >> 8), UInt8(size & 0xFF), kind.rawValue, 0, 0, 0, 7] + fields
  }

  private static func field(_ number: UInt8, _ value: [UInt8]) -> [UInt8] {
    [number, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
  }

  func write(_ bytes: [UInt8]) async throws {
    switch link {
    case .quic(_, _, let stream): try await stream.write(bytes)
    case .tls(let connection): try await connection.write(bytes)
    }
  }

  /// Asks these questions, and waits until so many answers of a kind have come.
  func ask(_ questions: [UInt8], _ answer: Kind, _ count: Int) async throws {
    let wanted = counts[Int(answer.rawValue)] + count
    try await write(questions)
    try await read(until: answer, wanted)
  }

  /// Ends all introductions that were accepted.
  func endIntroductions() async throws {
    var words: [UInt8] = []
    for id in open {
      words += Self.message(
        .end, Self.field(7, (0..<8).reversed().map { UInt8(truncatingIfNeeded: id >> ($0 * 8)) }))
    }
    open = []
    try await write(words)
  }

  /// Takes what it is told, until it is cut off.
  func listen() async { try? await read(until: .hello, 1) }

  private func read(until kind: Kind, _ count: Int) async throws {
    while counts[Int(kind.rawValue)] < count {
      let more: [UInt8]?
      switch link {
      case .quic(_, _, let stream): more = try await stream.read()
      case .tls(let connection): more = try await connection.read()
      }
      guard let more else { fatalError("the registry has hung up") }
      if bytes.isEmpty { bytes = more } else { bytes += more }
      takeAll()
    }
  }

  private func takeAll() {
    var place = 0
    while bytes.count - place >= 2 {
      let size = Int(bytes[place]) << 8 | Int(bytes[place + 1])
      guard bytes.count - place >= 2 + size else { break }
      let kind = bytes[place + 2]
      counts[Int(kind)] += 1
      if kind == Kind.accepted.rawValue {
        precondition(bytes[place + 7] == 7, "an answer begins with the number of the introduction")
        open.append(bytes[place + 10..<place + 18].reduce(0) { $0 << 8 | UInt64($1) })
      }
      if kind == Kind.failed.rawValue {
        fatalError(String(decoding: bytes[place + 15..<place + 2 + size], as: UTF8.self))
      }
      place += 2 + size
    }
    if place == bytes.count { bytes = [] } else { bytes.removeFirst(place) }
  }

  func close() async {
    switch link {
    case .quic(let endpoint, _, _): await endpoint.close()
    case .tls(let connection): await connection.close()
    }
  }
}

extension RegistryPeer {
  /// So many peers, some of which connect at once.
  static func many(
    _ count: Int, on machine: any Machine, _ make: @escaping @Sendable () async throws -> RegistryPeer
  ) async throws -> [RegistryPeer] {
    try await machine.run {
      try await withThrowingTaskGroup(of: [RegistryPeer].self) { group in
        let runners = min(16, count)
        for runner in 0..<runners {
          group.addTask {
            var peers: [RegistryPeer] = []
            for _ in stride(from: runner, to: count, by: runners) { peers.append(try await make()) }
            return peers
          }
        }
        return try await group.reduce([], +)
      }
    }
  }
}
