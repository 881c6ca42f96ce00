import TestSupport
import Warren

/// Two ICE cores and a network between them that a test makes as bad as it likes, in virtual time.
final class ICELaboratory {
  /// One side, with what it has told.
  final class Side {
    var core: ICECore
    var sockets: [SocketAddress] = []
    var events: [ICEEvent] = []
    var times: [Instant] = []
    var sent = 0

    init(core: consuming ICECore) { self.core = core }

    func first(_ fits: (ICEEvent) -> Bool) -> Instant? { events.firstIndex(where: fits).map { times[$0] } }

    var opened: Instant? { first { if case .opened = $0 { true } else { false } } }
    var selected: Instant? { first { if case .selected = $0 { true } else { false } } }
  }

  struct Flight {
    var at: Instant
    var number: Int
    var to: Int
    var socket: SocketAddress
    var source: SocketAddress
    var bytes: [UInt8]
  }

  var sides: [Side]
  var now = Instant(nanoseconds: 1_000_000_000)
  var oneWay: Duration = .milliseconds(25)
  var loss = 0.0
  /// Whether a packet between these two passes.
  var passes: (_ from: SocketAddress, _ to: SocketAddress) -> Bool = { _, _ in true }
  /// What a test does with a packet that arrives, besides; false swallows it.
  var tap: (Flight) -> Bool = { _ in true }
  var flights: [Flight] = []
  var random: SeededRandom
  private var number = 0
  private var writer = STUNMessageWriter()

  init(
    seed: UInt64 = 1, _ first: ICEConfiguration = .eager, _ second: ICEConfiguration = .eager,
    roles: (ICECore.Role, ICECore.Role) = (.controlling, .controlled)
  ) {
    var random = SeededRandom(seed)
    let credentials = (ICECredentials(using: &random), ICECredentials(using: &random))
    sides = [
      Side(
        core: ICECore(first, role: roles.0, credentials: credentials.0, random: SeededRandom(random.next()))),
      Side(
        core: ICECore(second, role: roles.1, credentials: credentials.1, random: SeededRandom(random.next()))),
    ]
    self.random = random
  }

  static func address(_ side: Int, _ socket: Int) -> SocketAddress {
    SocketAddress(IPAddress(10, 0, UInt8(side), UInt8(socket + 1)), port: 5000)
  }

  static func candidate(_ address: SocketAddress, preference: UInt16 = .max, foundation: String = "h")
    -> Candidate
  {
    Candidate(
      .host, at: address, priority: Candidate.priority(.host, localPreference: preference),
      foundation: foundation
    )
  }

  /// Gives each side so many sockets, the first the best.
  func open(_ count: Int = 1) {
    for side in 0...1 {
      for socket in 0..<count {
        let address = Self.address(side, socket)
        let preference = UInt16.max - UInt16(socket)
        sides[side].sockets.append(address)
        _ = sides[side].core.addBase(
          .init(
            Self.candidate(address, preference: preference, foundation: "h\(socket)"),
            localPreference: preference),
          at: now)
      }
      drain(side)
    }
  }

  func description(of side: Int, isLite: Bool = false, candidates: [Candidate]? = nil) -> ICEDescription {
    let credentials = sides[side].core.credentials
    return ICEDescription(
      usernameFragment: credentials.usernameFragment, password: credentials.password, isLite: isLite,
      pacing: sides[side].core.configuration.pacing,
      candidates: candidates
        ?? sides[side].sockets.indices.map {
          Self.candidate(
            sides[side].sockets[$0], preference: UInt16.max - UInt16($0), foundation: "h\($0)")
        })
  }

  /// Tells both sides of each other.
  func introduce() {
    for side in 0...1 { introduce(to: side) }
  }

  func introduce(to side: Int, _ description: ICEDescription? = nil) {
    sides[side].core.setRemote(description ?? self.description(of: 1 - side), at: now)
    drain(side)
  }

  func drain(_ side: Int) {
    while let transmit = sides[side].core.pollTransmit(into: &writer, at: now) {
      sides[side].sent += 1
      let source = sides[side].sockets[transmit.base.index]
      let bytes = writer.copy
      send(bytes, from: source, to: transmit.destination)
    }
    while let event = sides[side].core.pollEvent() {
      sides[side].events.append(event)
      sides[side].times.append(now)
    }
  }

  func send(_ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress) {
    guard passes(source, destination), Double.random(in: 0..<1, using: &random) >= loss,
      let side = sides.firstIndex(where: { $0.sockets.contains(destination) })
    else { return }
    number += 1
    flights.append(
      Flight(
        at: now.advanced(by: oneWay), number: number, to: side, socket: destination, source: source,
        bytes: bytes))
  }

  /// Lets so much time pass.
  func run(for duration: Duration) {
    let end = now.advanced(by: duration)
    var turns = 0
    while true {
      turns += 1
      precondition(
        turns < 1_000_000, "the agents never rest: \(sides.map { $0.core.nextDeadline }) at \(now)")
      let flight = flights.min { ($0.at, $0.number) < ($1.at, $1.number) }
      let deadlines = sides.compactMap { $0.core.nextDeadline }
      guard let next = ([flight?.at].compactMap { $0 } + deadlines).min(), next <= end else { break }
      now = max(now, next)
      if let flight, flight.at <= now {
        flights.removeAll { $0.number == flight.number }
        guard tap(flight) else { continue }
        deliver(flight)
      } else {
        for side in 0...1 where sides[side].core.nextDeadline.map({ $0 <= now }) ?? false {
          sides[side].core.handleDeadline(at: now)
          drain(side)
        }
      }
    }
    now = end
  }

  @discardableResult
  func deliver(_ flight: Flight) -> ICECore.Received {
    let base = sides[flight.to].sockets.firstIndex(of: flight.socket)!
    let span = flight.bytes.span
    let received = sides[flight.to].core.receive(
      span.bytes, on: ICEBaseID(base), from: flight.source, at: now)
    drain(flight.to)
    return received
  }
}
