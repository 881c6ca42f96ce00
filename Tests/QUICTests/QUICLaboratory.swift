import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

/// Two endpoints' cores and a network between them that a test makes as bad as it likes, in virtual time.
final class QUICLaboratory {
  /// A datagram on its way.
  struct Flight {
    var at: Instant
    var number: Int
    var to: Int
    var path: NetworkPath
    var bytes: [UInt8]
    var ecn: ECN
  }

  let keys: [PrivateKey]
  var endpoints: [EndpointCore]
  /// By side, in the order of beginning.
  var connections: [[ConnectionCore]] = [[], []]
  var events: [[String]] = [[], []]
  var opened: [[ConnectionCore]] = [[], []]
  var streams: [[StreamCore]] = [[], []]
  var errors: [[QUICError]] = [[], []]
  var paths: [(NetworkPath, Bool)] = []
  /// Whether streams are taken as they come.
  var takesStreams = true
  /// What a test does with a stream that was touched.
  var onTouched: (Int, StreamCore) -> Void = { _, _ in }
  var onDatagram: (Int, [UInt8]) -> Void = { _, _ in }

  var now = Instant(nanoseconds: 1_000_000_000)
  var oneWay: Duration = .milliseconds(10)
  var jitter: Duration = .zero
  var loss = 0.0
  var duplication = 0.0
  var corruption = 0.0
  var largest = 65_535
  /// The largest datagram that the first side's system lets leave.
  var largestToLeave = 65_535
  /// What the first side's NAT adds to its ports: another number is a NAT that has forgotten it.
  var rebinding: UInt16 = 0
  /// Whether a datagram tells to which address it has come, as a real one does.
  var tellsAddress = false
  /// What a test does with a datagram that leaves, besides; false swallows it.
  var tap: (Flight) -> Bool = { _ in true }
  var flights: [Flight] = []
  var random: SeededRandom
  private var number = 0
  private var outbox = DatagramOutbox()
  private(set) var sent = [0, 0]
  private(set) var sentBytes = [0, 0]

  init(
    seed: UInt64 = 1, identities: [QUICIdentity]? = nil, earlyWindow: Duration = QUICLimits.earlyWindow,
    _ change: (Int, inout QUICConfiguration) -> Void = { _, _ in }
  ) throws {
    var random = SeededRandom(seed)
    let keys = [PrivateKey(using: &random), PrivateKey(using: &random)]
    self.keys = keys
    endpoints = try (0...1).map { side in
      var configuration = QUICConfiguration(protocols: ["warren-test"])
      change(side, &configuration)
      return EndpointCore(
        try identities?[side] ?? QUICIdentity(keys[side]), configuration,
        random: SeededRandom(random.next()),
        earlyWindow: earlyWindow)
    }
    self.random = random
  }

  static func address(_ side: Int) -> SocketAddress {
    SocketAddress(IPAddress(10, 0, 0, UInt8(side + 1)), port: 4433)
  }

  @discardableResult
  func connect(
    expecting peer: PeerID? = nil, early: Bool = false, _ body: (ConnectionCore) throws -> Void = { _ in }
  ) throws -> ConnectionCore {
    let core = try endpoints[0].connect(
      over: NetworkPath(to: Self.address(1)), expecting: peer ?? keys[1].peerID, early: early, at: now)
    connections[0].append(core)
    try body(core)
    drain()
    return core
  }

  /// Connects, and waits until both can use it.
  func connected() throws -> (ConnectionCore, ConnectionCore) {
    let core = try connect()
    run(for: .seconds(5))
    return (core, try #require(opened[1].first))
  }

  /// Takes all that both have to give.
  func drain() {
    var isSettled = false
    while !isSettled {
      isSettled = true
      for side in 0...1 {
        while let core = endpoints[side].pollAccepted() { connections[side].append(core) }
        while let core = endpoints[side].pollChanged() {
          isSettled = false
          settle(core, of: side)
        }
        while let answer = endpoints[side].pollAnswer() {
          send(
            answer.bytes, from: side, through: answer.channel, to: answer.envelope.destination, .notCapable)
        }
      }
    }
  }

  private func settle(_ core: ConnectionCore, of side: Int) {
    take(core, of: side)
    let channel = core.channel
    _ = core.transmit(into: &outbox, of: channel, at: now)
    fly(core, from: side, through: channel)
    while let packet = core.pollElsewhere() {
      sent[side] += 1
      send(
        packet.bytes, from: side, through: packet.channel, to: packet.envelope.destination,
        packet.envelope.ecn)
    }
    take(core, of: side)
  }

  private func take(_ core: ConnectionCore, of side: Int) {
    while let event = core.pollEvent() {
      switch event {
      case .opened: opened[side].append(core)
      case .stream(let stream):
        streams[side].append(stream)
        if takesStreams { core.take(stream) }
      case .closed(let error): errors[side].append(error)
      case .path(let path, let isUsable): paths.append((path, isUsable))
      case .datagrams: while let bytes = core.takeDatagram() { onDatagram(side, bytes) }
      case .moreStreams, .confirmed, .taken: break
      }
    }
    while let stream = core.pollTouched() { onTouched(side, stream) }
  }

  private func fly(_ core: ConnectionCore, from side: Int, through channel: UInt16) {
    for run in outbox.pending {
      var rest = run.buffer[...]
      while !rest.isEmpty {
        let bytes = Array(rest.prefix(run.segmentSize))
        rest = rest.dropFirst(run.segmentSize)
        sent[side] += 1
        sentBytes[side] += bytes.count
        guard side == 1 || bytes.count <= largestToLeave else {
          core.refused(bytes.count, to: run.remote, at: now)
          continue
        }
        send(bytes, from: side, through: channel, to: run.remote, run.ecn)
      }
    }
    outbox.removeAll()
  }

  /// Each channel of a side has a port of its own.
  private func send(
    _ bytes: [UInt8], from side: Int, through channel: UInt16, to destination: SocketAddress, _ ecn: ECN
  ) {
    let source = SocketAddress(
      Self.address(side).ip, port: 4433 + channel + (side == 0 ? rebinding : 0))
    let arrival = destination.port &- 4433 &- (side == 1 ? rebinding : 0)
    // Whoever sends to where a NAT has forgotten somebody reaches nobody.
    guard arrival < 16 else { return }
    let path = NetworkPath(
      to: source, from: tellsAddress ? Self.address(1 - side).ip : nil, through: arrival)
    let copies = Double.random(in: 0..<1, using: &random) < duplication ? 2 : 1
    for _ in 0..<copies {
      guard bytes.count <= largest, Double.random(in: 0..<1, using: &random) >= loss else { continue }
      var bytes = bytes
      if Double.random(in: 0..<1, using: &random) < corruption {
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      number += 1
      let late = Duration.nanoseconds(
        Int64.random(in: 0...max(0, jitter.wholeNanoseconds), using: &random))
      let flight = Flight(
        at: now.advanced(by: oneWay + late), number: number, to: 1 - side, path: path, bytes: bytes, ecn: ecn)
      if tap(flight) { flights.append(flight) }
    }
  }

  /// The next thing that will happen.
  private var next: Instant? {
    let flight = flights.map(\.at).min()
    let deadlines = connections.joined().compactMap(\.nextDeadline)
    return ([flight].compactMap { $0 } + deadlines).min()
  }

  /// Lets so much time pass, or until `isDone`.
  func run(for duration: Duration, until isDone: () -> Bool = { false }) {
    let end = now.advanced(by: duration)
    var turns = 0
    while !isDone(), let next, next <= end {
      turns += 1
      precondition(turns < 2_000_000, "the endpoints never rest at \(now)")
      now = max(now, next)
      let due = flights.filter { $0.at <= now }.sorted { ($0.at, $0.number) < ($1.at, $1.number) }
      if !due.isEmpty { flights.removeAll { $0.at <= now } }
      for flight in due { deliver(flight) }
      for core in connections.joined() where core.nextDeadline.map({ $0 <= now }) ?? false {
        core.handleDeadline(at: now)
      }
      drain()
    }
    if !isDone() { now = max(now, end) }
  }

  @discardableResult
  func deliver(_ flight: Flight) -> EndpointCore.Received {
    endpoints[flight.to].receive(flight.bytes.span.bytes, on: flight.path, ecn: flight.ecn, at: now)
  }
}
