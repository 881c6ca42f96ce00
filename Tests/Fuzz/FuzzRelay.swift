import Warren

nonisolated(unsafe) private let key = STUNKey(username: "alice", realm: "warren", password: "secret")

/// A relay's server to which an input says one thing after the other: as a stranger, and as somebody who may use it.
func fuzzRelay(_ bytes: [UInt8]) {
  var input = Input(bytes)
  var relay = FuzzedRelay()
  while !input.isEmpty {
    let kind = input.byte()
    let address = SocketAddress(IPAddress(11, 0, 0, kind >> 7), port: 4000)
    let client =
      kind & 0x40 == 0 ? ServedClient(address, at: 0) : ServedClient(address, connection: Int(kind >> 7))
    switch kind & 7 {
    case 0: relay.say(input.block(), from: client)
    case 1: relay.pass(.seconds(Int(input.byte())))
    case 2: relay.hangUp(client)
    case 3: relay.carry(input.block(), from: client)
    case 4: relay.arrive(input.byte())
    case 5: relay.dialed(input.byte())
    default: relay.ask(kind >> 3 & 7, input.block(), from: client)
    }
  }
  relay.pass(.seconds(4000))
  precondition(relay.core.allocationCount == 0 && relay.open.isEmpty)
  precondition(relay.core.streamCount == 0 && relay.streams.isEmpty)
}

private struct FuzzedRelay: ~Copyable {
  private static let own = IPAddress(192, 0, 2, 1)
  var core: RelayServerCore
  var open: Set<RelayPortNumber> = []
  /// Where TCP is heard of these, at which port.
  var doors: [RelayPortNumber: UInt16] = [:]
  /// Connections with peers, in the order in which they came.
  var streams: [RelayStreamNumber] = []
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var port: UInt16 = 50_000
  private var transactions: UInt64 = 0
  private var answer = STUNMessageWriter()

  init() {
    var configuration = RelayConfiguration(
      RelayCredentials(users: ["alice": "secret"], sharedSecrets: ["shared"]), at: RelayAddress(Self.own))
    (configuration.allocations, configuration.permissions, configuration.channels) = (3, 3, 3)
    (configuration.connections, configuration.connectionsPerAllocation) = (4, 3)
    core = RelayServerCore(
      configuration, listening: [SocketAddress(Self.own, port: 3478)], own: [Self.own], secret: [7], at: now)
  }

  mutating func say(_ bytes: [UInt8], from client: ServedClient) {
    var (open, doors, port) = (open, doors, port)
    let reaction = core.receive(
      bytes.span.bytes, from: client, at: now, timeOfDay: .seconds(1), into: &answer,
      opening: { wish in
        port = port &+ 2 | 1
        precondition(open.insert(wish.port).inserted)
        if wish.transport == .tcp { doors[wish.port] = port }
        return SocketAddress(wish.ip, port: wish.parity == .any ? port : port - 1)
      })
    (self.open, self.doors, self.port) = (open, doors, port)
    switch reaction {
    case .none: break
    case .dial(let dial):
      precondition(dial.to.ip != Self.own || doors.values.contains(dial.to.port))
      streams.append(dial.number)
    case .answer, .join:
      precondition((try? STUNMessage(answer.bytes)) != nil && answer.byteCount <= bytes.count + 140)
    case .relay(let passage, let range):
      precondition(range.upperBound <= bytes.count && passage.peer.ip != Self.own || passage.inside != nil)
    }
    tidyUp()
  }

  /// What would be refused to a stranger, signed.
  mutating func ask(_ method: UInt8, _ attributes: [UInt8], from client: ServedClient) {
    let methods = [
      STUNMethod.allocate, .refresh, .createPermission, .channelBind, .connect, .connectionBind,
    ]
    var writer = STUNMessageWriter()
    transactions += 1
    writer.begin(.request, methods[Int(method) % 6], TransactionID(1, transactions))
    say(writer.copy, from: client)
    let nonce = (try? STUNMessage(answer.bytes))?.value(of: .nonce)?.withUnsafeBytes { Array($0) } ?? []
    if method < 6 { writer.add(.requestedTransport, (client.isConnected ? 6 : 17) << 24 as UInt32) }
    var rest = Input(attributes)
    while !rest.isEmpty {
      let name = UInt16(rest.byte()) << 8 | UInt16(rest.byte())
      writer.add(STUNAttribute(rawValue: name), Array(rest.block().prefix(200)).span.bytes)
      if writer.byteCount > 2000 { break }
    }
    writer.add(.username, "alice")
    writer.add(.realm, "warren")
    writer.add(.nonce, nonce.span.bytes)
    writer.sign(with: key)
    say(writer.copy, from: client)
  }

  mutating func carry(_ bytes: [UInt8], from client: ServedClient) {
    guard let slot = core.slot(of: client), let data = ChannelData(bytes.span.bytes) else { return }
    guard let passage = core.passage(onChannel: data.channel, of: slot, at: now) else { return }
    _ = core.spend(data.payload.byteCount, of: slot, at: now)
    precondition(core.way(from: passage.peer, to: slot, at: now) == .channel(data.channel))
  }

  /// Somebody connects to one of the addresses for TCP.
  mutating func arrive(_ byte: UInt8) {
    guard !doors.isEmpty else { return }
    let port = doors.keys.sorted { $0.slot < $1.slot }[Int(byte & 3) % doors.count]
    let remote = SocketAddress(IPAddress(8, 8, 8, byte >> 4), port: UInt16(byte))
    if let (number, _) = core.arrived(from: remote, at: port, at: now, into: &answer) {
      streams.append(number)
    }
    tidyUp()
  }

  /// A connection has opened, or not.
  mutating func dialed(_ byte: UInt8) {
    guard !streams.isEmpty else { return }
    _ = core.dialed(
      streams[Int(byte >> 1) % streams.count], succeeded: byte & 1 == 0, at: now, into: &answer)
    tidyUp()
  }

  mutating func pass(_ duration: Duration) {
    now = now.advanced(by: duration)
    core.handleDeadline(at: now)
    while let number = core.pollOverdue() {
      _ = core.dialed(number, succeeded: false, at: now, into: &answer)
    }
    tidyUp()
  }

  mutating func hangUp(_ client: ServedClient) {
    core.hungUp(client)
    tidyUp()
  }

  private mutating func tidyUp() {
    while let closing = core.pollClosing() {
      switch closing {
      case .port(let number):
        precondition(open.remove(number) != nil)
        doors[number] = nil
      case .stream(let number, _):
        let place = streams.firstIndex(of: number)
        precondition(place != nil)
        streams.remove(at: place!)
      case .kept: break
      }
    }
  }
}
