import TestSupport
import Warren
import WarrenMachine
import WarrenSimulator
import WarrenTraversal

/// Two simulated NATs between which packets take no time, and one host behind each.
///
/// They have 512 ports where they are to be searched, so that it takes 48 sockets and 240 probes: 22 hits on
/// average. Where nothing is to be found they have all, or chance would find something.
struct PairLaboratory {
  private static let fewPorts: ClosedRange<UInt16> = 1024...1535
  private static let sockets = 48
  private static let probes = 240
  private static let server = SocketAddress(IPAddress(192, 0, 2, 1), port: 3478)
  private static let side = [
    (outside: IPAddress(198, 51, 100, 1), host: IPAddress(192, 168, 1, 2)),
    (outside: IPAddress(198, 51, 100, 2), host: IPAddress(192, 168, 1, 2)),
  ]

  /// A packet that arrived: which socket got it, and from where.
  private struct Arrival {
    var socket: UInt16
    var source: SocketAddress
  }

  /// Where packets went that arrived, for each side's sender: from which outside port to which.
  private struct Way: Equatable {
    var source: SocketAddress
    var destination: SocketAddress
  }

  private var cores: [NATCore]
  private let kinds: [NATKind]
  private let now = Instant(nanoseconds: 1)
  private var ways: [[Way]] = [[], []]
  private var heard: [[SocketAddress]] = [[], []]
  private var isMutual = false
  private let ports: ClosedRange<UInt16>

  init(_ one: NATKind, _ other: NATKind, _ decision: SearchDecision, seed: UInt64) {
    kinds = [one, other]
    let ports = decision.path == nil ? 1024...65_535 : Self.fewPorts
    self.ports = ports
    cores = kinds.enumerated().map { index, kind in
      NATCore(
        Self.configuration(kind, ports), outside: [Self.side[index].outside],
        inside: [IPPrefix(IPAddress(192, 168, 1, 0), length: 24)],
        random: SimulatorRandom(seed: seed, stream: "nat \(index)"))
    }
  }

  /// A NAT that keeps ports shows one port to all. The simulated one does so with an endpoint-independent mapping:
  /// where mappings that depend on the remote end share a port, it finds them by the remote end, which is a filter.
  private static func configuration(_ kind: NATKind, _ ports: ClosedRange<UInt16>) -> NATConfiguration {
    NATConfiguration.changed {
      $0.ports = ports
      $0.filtering = NATConfiguration.Dependence(rawValue: kind.filtering.rawValue)!
      $0.mapping = NATConfiguration.Dependence(rawValue: kind.mapping.rawValue)!
      switch kind.allocation {
      case .preserving: $0.mapping = .endpointIndependent
      case .sequential(let step):
        $0.keepsPort = false
        $0.portChoice = .sequential(step: step)
      case .random: $0.keepsPort = false
      }
    }
  }

  /// Does what was decided.
  ///
  /// - Returns: what path there is in the end.
  mutating func carryOut(_ decision: SearchDecision) -> SearchDecision.Path? {
    switch decision {
    case .noSearch: punch(foreseeing: [false, false])
    case .predict(let foreseen, _): punch(foreseeing: [foreseen != .theirs, foreseen != .mine])
    case .birthday(let opener, _): search(opener: opener == .mine ? 0 : 1)
    case .relayOnly, .exhaustive:
      punch(foreseeing: kinds.map { if case .random = $0.allocation { false } else { true } })
      search(opener: 0)
      search(opener: 1)
    }
    return path
  }

  /// The best way that packets went both ways.
  private var path: SearchDecision.Path? {
    if isMutual { return .mutual }
    return ways[0].isEmpty || ways[1].isEmpty ? nil : .crossed
  }

  // MARK: Packets

  private func socket(_ side: Int, _ port: UInt16) -> SocketAddress {
    SocketAddress(Self.side[side].host, port: port)
  }

  @discardableResult
  private mutating func send(_ side: Int, _ port: UInt16, to destination: SocketAddress) -> Arrival? {
    let packet = Packet(from: socket(side, port), to: destination, .udp(Payload([1])))
    guard let outside = pass(packet, side, from: .inside) else { return nil }
    let peer = 1 - side
    guard destination.ip == Self.side[peer].outside, let inside = pass(outside, peer, from: .outside) else {
      return nil
    }
    ways[side].append(Way(source: outside.source, destination: destination))
    if ways[peer].contains(Way(source: destination, destination: outside.source)) { isMutual = true }
    if !heard[peer].contains(outside.source) { heard[peer].append(outside.source) }
    return Arrival(socket: inside.destination.port, source: outside.source)
  }

  private mutating func pass(_ packet: Packet, _ side: Int, from: NATSide) -> Packet? {
    var output: [NATOutput] = []
    cores[side].receive(packet, from: from, at: now, into: &output)
    for case .forward(let packet, toward: from.opposite) in output { return packet }
    return nil
  }

  /// What a STUN server says of a socket.
  private mutating func reflexive(_ side: Int, _ port: UInt16) -> SocketAddress {
    send(side, port, to: Self.server)
    return cores[side].mapping(of: socket(side, port), toward: Self.server)!
  }

  /// The ports that the next packets to the peer's address will have; a side whose port is kept or counted knows.
  private func foreseen(_ side: Int, _ port: UInt16, count: Int = 1) -> [SocketAddress] {
    var copy = self
    return (0..<count).map { number in
      let remote = SocketAddress(Self.side[1 - side].outside, port: 9 + UInt16(number))
      copy.send(side, port, to: remote)
      return copy.cores[side].mapping(of: socket(side, port), toward: remote)!
    }
  }

  // MARK: Punching

  private mutating func punch(foreseeing: [Bool]) {
    let port: UInt16 = 1200
    let reflexive = [reflexive(0, port), reflexive(1, port)]
    var foreseen: [[SocketAddress]] = [[], []]
    for _ in 0..<6 {
      for side in [0, 1] where foreseeing[side] && kinds[side].mapping != .endpointIndependent {
        // Whose own port moves with each packet has one try.
        foreseen[side] += self.foreseen(side, port, count: moves(1 - side) ? 1 : 3).reversed()
      }
      for side in [0, 1] {
        // The latest first: it is the one that the first packet to it will have.
        for address in foreseen[1 - side].reversed().prefix(6) { send(side, port, to: address) }
      }
      for side in [0, 1] {
        send(side, port, to: reflexive[1 - side])
        for address in heard[side].suffix(4) { send(side, port, to: address) }
      }
      if isMutual { return }
    }
  }

  // MARK: Searching

  private mutating func search(opener: Int) {
    let prober = 1 - opener
    let port: UInt16 = 1200
    let stays = foreseenOrKnown(prober, port)
    let sockets = (0..<Self.sockets).map { UInt16(1300 + $0) }
    for socket in sockets { send(opener, socket, to: stays) }
    var random = SeededRandom(7)
    var sequence = PortSequence(
      PortModel(mapping: kinds[opener].mapping, range: PortRange(ports)), using: &random)
    var target: SocketAddress?
    var answered = heard[prober].count
    for _ in 0..<Self.probes {
      let probe = SocketAddress(Self.side[opener].outside, port: sequence.next()!)
      if let arrival = send(prober, port, to: probe) {
        send(opener, arrival.socket, to: arrival.source)
        if target == nil {
          // Mappings towards the port that is known from now on; where mappings depend on it, they are new ones.
          target = arrival.source
          for socket in sockets { send(opener, socket, to: arrival.source) }
        }
      }
      let fresh = heard[prober].dropFirst(answered)
      answered = heard[prober].count
      for address in fresh.suffix(8) { send(prober, port, to: address) }
      if isMutual { return }
    }
  }

  /// Where the prober is, or will be: what STUN servers say of it, or the next port that it will have.
  private mutating func foreseenOrKnown(_ side: Int, _ port: UInt16) -> SocketAddress {
    let reflexive = reflexive(side, port)
    guard case .sequential = kinds[side].allocation, kinds[side].mapping != .endpointIndependent else {
      return reflexive
    }
    return foreseen(side, port)[0]
  }

  private func moves(_ side: Int) -> Bool {
    kinds[side].mapping == .addressAndPortDependent && kinds[side].allocation != .preserving
  }
}
