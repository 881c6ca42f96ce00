import Warren
import WarrenMachine
import WarrenOptions
import WarrenTerminal

/// Makes a port of a peer's one of this computer's, or lets others do so with ports here.
struct ForwardCommand: Command {
  private static let local = Argument<SocketAddress?>.optional(
    "LOCAL", .localPlace, "the port here, or an address with one: within this computer otherwise")
  private static let target = Argument<PeerPort?>.optional(
    "PEER:PORT", .peerPort, "whose port, and which one")
  private static let udp = Option.flag("udp", short: "u", "forward UDP, and not TCP")
  private static let allowed = Option<[SharedPort]>.repeated(
    "allow", short: "a", .sharedPort, "let others reach this port: 80, 53/udp, 8080=192.0.2.7:80")
  private static let guests = Option<[PeerID]>.repeated("from", .key, "who may: as 'warren key' prints it")
  private static let anyone = Option.flag("anyone", "whoever knows this one's name or key may")

  static var description: CommandDescription {
    CommandDescription(
      "forward", "reach a port of a peer's as if it were here, or allow it",
      discussion: """
        One side allows, and prints by what the other reaches it; the other names a port of its own, and who connects there is \
        connected with the port of the peer's. Nothing is reached that was not allowed, nor by anybody else.
        """,
      group: .meeting, arguments: [local, target],
      options: [udp, allowed, guests, anyone, PeerWords.name] + PeerWords.all,
      rules: PeerWords.rules + [
        .together([local, target]), .atMostOne(of: [local, allowed]), .atMostOne(of: [udp, allowed]),
        .atMostOne(of: [guests, anyone]), .needs(guests, oneOf: [allowed]), .needs(anyone, oneOf: [allowed]),
        .needs(PeerWords.name, oneOf: [allowed]),
      ],
      examples: [
        Example("warren forward --allow 22 --allow 53/udp --name bob --anyone", "let others reach two ports"),
        Example("warren forward 2222 bob:22", "reach one of them: ssh -p 2222 localhost"),
        Example("warren forward 192.0.2.1:5353 bob:53 --udp", "reach the other, for one's whole network"),
      ])
  }

  private let program: PeerProgram
  private let words: ParsedWords

  init(_ words: ParsedWords) throws {
    self.words = words
    var program = try PeerProgram(words)
    guard words.has(Self.local) || words.has(Self.allowed) else {
      throw OptionsError(
        .incomplete, "nothing is named that is to be forwarded: give LOCAL and PEER:PORT, or --allow PORT")
    }
    if words.has(Self.allowed) {
      guard words[Self.anyone] || words.has(Self.guests) else {
        throw OptionsError(.incomplete, "nobody may come yet: give --from KEY, or --anyone")
      }
      program.configuration.policy = words[Self.anyone] ? .everyone : .only(words[Self.guests])
      try program.answer(to: words[PeerWords.name])
    } else {
      try program.needRegistry(for: words[Self.target]!.peer)
    }
    self.program = program
  }

  func run() async throws {
    try await program.run { peer in
      if let local = words[Self.local], let target = words[Self.target] {
        try await forward(local, target, peer)
      } else {
        try await share(peer)
      }
    }
  }

  // MARK: To a peer

  private func forward(_ local: SocketAddress, _ target: PeerPort, _ peer: Peer) async throws {
    let log = program.log
    let forwarder = PortForwarder(on: peer.machine, to: target.port) {
      try await peer.connect(to: target.peer)
    }
    let place =
      words[Self.udp] ? try await forwarder.bind(at: local) : try await forwarder.listen(at: local)
    // Who cannot reach the peer at all is told now, and not when somebody comes.
    let connection = try await peer.connect(to: target.peer)
    program.terminal.result("\(place, .strong)")
    log.notice("forwarding to port \(target.port)", ["path": .text("\(await connection.path)")])
    for await event in forwarder.events {
      switch event {
      case .opened(let source): log.info("connected", ["from": .text("\(source)")])
      case .failed(let source, let error):
        log.warning("not connected: \(error)", ["from": .text("\(source)")])
      }
    }
    try Task.checkCancellation()
  }

  // MARK: For others

  private func share(_ peer: Peer) async throws {
    let (ports, log) = (words[Self.allowed], program.log)
    let gate = PortGate(on: peer.machine, sharing: ports)
    let place = try await program.placeToReach(peer)
    program.terminal.result("\(place, .strong)")
    log.notice("others reach it by: warren forward LOCAL \(program.configuration.name ?? place):PORT")
    log.info("shared", ["ports": .list(ports.map { .text("\($0)") })])
    await withTaskGroup { group in
      group.addTask {
        for await event in gate.events {
          switch event {
          case .opened(let port, let guest):
            log.info("reached", ["port": .text("\(port)"), "by": Self.text(guest)])
          case .refused(let error, let guest): log.notice("refused: \(error)", ["by": Self.text(guest)])
          }
        }
      }
      for await connection in peer.connections { gate.takeAll(of: connection) }
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private static func text(_ guest: PeerID?) -> JSONValue { .text(guest.map { "\($0)" } ?? "") }
}

/// A port of a peer's.
struct PeerPort: Sendable, CustomStringConvertible {
  let peer: Whom
  let port: UInt16

  var description: String { "\(peer):\(port)" }
}

extension ValueKind where Value == PeerPort {
  fileprivate static var peerPort: ValueKind {
    ValueKind("PEER:PORT", expected: "a peer and a port", example: "bob:80") { text in
      guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
        port > 0
      else { return nil }
      return PeerPort(peer: try Whom(String(text[..<colon])), port: port)
    }
  }
}

extension ValueKind where Value == SocketAddress {
  fileprivate static var localPlace: ValueKind {
    ValueKind("LOCAL", expected: "a port, or an address with one", example: "8080") { text in
      if let port = UInt16(text) { return SocketAddress(.loopback(.v4), port: port) }
      return try SocketAddress(text)
    }
  }
}

extension ValueKind where Value == SharedPort {
  fileprivate static var sharedPort: ValueKind {
    ValueKind("PORT", expected: "PORT, PORT/udp or PORT=ADDRESS:PORT", example: "80") { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0].split(separator: "/", omittingEmptySubsequences: false)
      guard name.count <= 2, let number = UInt16(name[0]), number > 0 else { return nil }
      let transports: [Substring: TransportProtocol] = ["tcp": .tcp, "udp": .udp]
      guard let transport = name.count == 2 ? transports[name[1]] : .tcp else { return nil }
      let target = parts.count == 2 ? try SocketAddress(parts[1]) : nil
      return SharedPort(number, transport, to: target)
    }
  }
}
