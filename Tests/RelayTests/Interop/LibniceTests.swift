import TestSupport
import Testing
import Warren

@testable import WarrenRelay

/// Ours and libnice's agent, which somebody else has written, on loopback: each by itself or by a relay, coturn's or ours.
///
/// One test after the other, since each takes ports that were free just before.
@Suite(
  "libnice", .serialized, .enabled(if: NiceAgent.obstacle == nil, NiceAgent.obstacle),
  .enabled(if: Coturn.obstacle == nil, Coturn.obstacle))
struct LibniceTests {
  /// Whose relay an agent goes by.
  enum Way: CaseIterable, Sendable {
    case direct
    case coturn
    case ours
  }

  /// How an agent goes.
  struct Means: Sendable {
    var way: Way
    var transport = RelayServerAddress.Transport.udp
  }

  private static let datagrams = 100

  @Test(
    "meets our agent, ours deciding, and nothing is lost or altered", arguments: Way.allCases, Way.allCases)
  func controlling(ours: Way, theirs: Way) async throws {
    try await meet(.controlling, ours: Means(way: ours), theirs: Means(way: theirs))
  }

  @Test("meets our agent and decides, and nothing is lost or altered", arguments: Way.allCases, Way.allCases)
  func controlled(ours: Way, theirs: Way) async throws {
    try await meet(.controlled, ours: Means(way: ours), theirs: Means(way: theirs))
  }

  @Test("meets our agent where it nominates all that it tries", arguments: Way.allCases, Way.allCases)
  func aggressive(ours: Way, theirs: Way) async throws {
    try await meet(.controlled, ours: Means(way: ours), theirs: Means(way: theirs), options: ["-A"])
  }

  @Test("gets through where both ask the relay over TCP", arguments: [Way.coturn, .ours])
  func streams(way: Way) async throws {
    let means = Means(way: way, transport: .tcp)
    try await meet(.controlling, ours: means, theirs: means)
  }

  @Test(
    "goes directly where both could go by relays as well", arguments: [ICECore.Role.controlling, .controlled])
  func choice(role: ICECore.Role) async throws {
    try await meet(role, ours: Means(way: .ours), theirs: Means(way: .coturn), isForced: false)
  }

  /// - Parameter isForced: whether who has a relay goes by nothing else.
  private func meet(
    _ role: ICECore.Role, ours: Means, theirs: Means, isForced: Bool = true, options: [String] = []
  ) async throws {
    let open = try await onLocalMachines(["ours", "relay"]) { machines in
      try await machines[0].withDeadline(.seconds(60)) {
        try await serving(machines, ours, isForced) { ourRelay in
          try await serving(machines, theirs, isForced) { theirRelay in
            try await Folder.with { folder in
              let meeting = LibniceMeeting(
                on: machines[0], role, ourRelay, isForced: isForced, count: Self.datagrams)
              let words = theirRelay.map { NiceAgent.options($0) + (isForced ? ["-R"] : []) } ?? []
              try await meeting.run(options + words, in: folder)
              let path = try #require(await meeting.puncher.selectedPath)
              let areRelayed = [theirs, ours].map { isForced && $0.way != .direct }
              #expect(path.isRelayed == areRelayed.contains(true))
              let kinds = areRelayed.map { $0 ? "relay" : "host" }
              let all = Self.datagrams
              #expect(
                await meeting.report
                  == "answered \(all) altered 0 asked \(all) by \(kinds.joined(separator: " "))")
              #expect(await meeting.answered == all)
              #expect(await meeting.altered == 0)
              await meeting.close()
            }
          }
        }
      }
    }
    #expect(open == [0, 0])
  }

  /// Lends `body` the relay by which an agent is to go; nil where there is none.
  ///
  /// - Parameter carriesAll: whether all that is said goes by it.
  private func serving(
    _ machines: [LocalMachine], _ means: Means, _ carriesAll: Bool,
    _ body: (RelayServerAddress?) async throws -> Void
  ) async throws {
    switch means.way {
    case .direct: try await body(nil)
    case .coturn:
      try await Coturn.with(on: machines[0]) { try await body($0.server(means.transport)) }
    case .ours:
      var configuration = RelayConfiguration(
        RelayCredentials(users: ["alice": "sesame"]), at: RelayAddress(.loopback(.v4)))
      configuration.permits = [IPPrefix(.loopback(.v4), length: 8)]
      let server = RelayServer(on: machines[1], configuration)
      let address = try await server.start(at: .loopback(.v4)).plain[0]
      try await body(
        RelayServerAddress(
          host: "127.0.0.1", port: address.port, transport: means.transport, username: "alice",
          password: "sesame"))
      let counters = await server.counters
      if carriesAll {
        #expect(counters.toPeers >= 2 * Self.datagrams && counters.toClients >= 2 * Self.datagrams)
      }
      #expect(counters.unsent == 0)
      await server.stop()
    }
  }
}

/// One meeting of our agent with libnice's.
actor LibniceMeeting {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  nonisolated let puncher: HolePuncher
  private let role: ICECore.Role
  private let relay: RelayServerAddress?
  private let isForced: Bool
  private let count: Int
  private var sockets: [any UDPSocket] = []
  private var asked = 0
  /// Questions of ours that came back as they were.
  private(set) var answered = 0
  /// Datagrams that came otherwise than they were sent.
  private(set) var altered = 0
  /// Questions of theirs that were sent back.
  private var echoed = 0
  /// What libnice's agent has said at its end.
  private(set) var report = ""

  /// - Parameters:
  ///   - relay: by which our side may go.
  ///   - isForced: whether it goes by nothing else, where there is one.
  init(
    on machine: any Machine, _ role: ICECore.Role, _ relay: RelayServerAddress?, isForced: Bool, count: Int
  ) {
    self.machine = machine
    self.role = role
    self.relay = relay
    self.isForced = isForced && relay != nil
    self.count = count
    var configuration = PunchConfiguration()
    configuration.ice = .standard
    configuration.search = nil
    configuration.usesLoopback = true
    if self.isForced { configuration.privacy = .hidesAll }
    puncher = HolePuncher(on: machine, role: role, configuration)
  }

  func run(_ options: [String], in folder: String) async throws {
    // libnice has an IPv4 address alone: who is at an IPv6 one meets it by a relay only.
    try await start(.loopback(isForced ? .v6 : .v4))
    let own = try await ownDescription()
    let agent = NiceAgent(role == .controlling ? .controlled : .controlling, own, options, in: folder)
    defer { agent.end() }
    await puncher.receive(PunchSignal(.description(try await agent.description(on: machine))))
    await puncher.receive(PunchSignal(.complete))
    try await converse()
    report = try await agent.report(on: machine)
  }

  private func start(_ address: SocketAddress) async throws {
    let socket = try machine.bindUDP(to: address)
    sockets.append(socket)
    nonisolated(unsafe) let lent = [socket]
    try await puncher.start(using: lent)
    guard let relay else { return }
    let relayed = try await RelayClient.allocate(at: [relay], on: machine)
    sockets.append(relayed)
    await puncher.addRelay(relayed)
  }

  /// What our side tells, with its relayed candidate where it has a relay.
  private func ownDescription() async throws -> ICEDescription {
    var description: ICEDescription?
    for await signal in puncher.signals {
      switch signal.content {
      case .description(let told): description = told
      case .candidate(let candidate): description?.candidates.append(candidate)
      default: continue
      }
      if let description, relay == nil || description.candidates.contains(where: { $0.kind == .relayed }) {
        return description
      }
    }
    throw PunchError.closed
  }

  /// Sends back what it asks, and asks as often, from its first question on.
  private func converse() async throws {
    let connection = try await puncher.connection()
    for await datagram in connection.datagrams {
      switch (datagram.first, NumberedDatagram.number(datagram)) {
      case (NumberedDatagram.question, _?):
        try await connection.send([NumberedDatagram.answer] + datagram.dropFirst())
        echoed += 1
      case (NumberedDatagram.answer, _?): answered += 1
      default: altered += 1
      }
      while asked < count, asked < answered + 8 {
        try await connection.send(NumberedDatagram.bytes(NumberedDatagram.question, asked))
        asked += 1
      }
      if answered + altered >= count, echoed >= count { break }
    }
    try await connection.send(NumberedDatagram.end)
  }

  func close() async {
    await puncher.close()
    for socket in sockets { socket.close() }
  }
}
