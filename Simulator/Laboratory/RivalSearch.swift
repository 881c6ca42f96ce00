import Warren
import WarrenSimulator

/// How another project looks for the port of a hard NAT: its numbers and its order, with packets of our own.
///
/// Both sides know all that can be known when it begins: where the easy side is, and the hard side's address.
public struct RivalSearch: Sendable {
  /// What the hard side does after it has sent once from each of its sockets.
  public enum Opening: Sendable {
    /// Nothing.
    case once
    /// It sends from the next socket, so often.
    case oneAfterAnother(every: Duration)
    /// It sends from all sockets, so often.
    case all(every: Duration)
  }

  /// Some ports that the easy side sends to in one go.
  public struct Round: Sendable {
    var after: Duration
    var ports: ClosedRange<Int>
    var every: Duration
    var copies = 1
    var passes = 1
  }

  /// Whose it is.
  public let name: String
  let sockets: Int
  let opening: Opening
  let rounds: [Round]
  /// Whether no port is tried twice before all have been.
  let isShuffled: Bool

  /// 256 sockets, each sends again in its turn; 1,750 random ports 20 ms apart.
  public static let hyperdht = RivalSearch(
    name: "hyperdht", sockets: 256, opening: .oneAfterAnother(every: .milliseconds(20)),
    rounds: [Round(after: .zero, ports: 1750...1750, every: .milliseconds(20))], isShuffled: false)

  /// 256 sockets; after 3 s, 1,000 ports 15 ms apart.
  public static let frp = RivalSearch(
    name: "frp", sockets: 256, opening: .once,
    rounds: [Round(after: .seconds(3), ports: 1000...1000, every: .milliseconds(15))], isShuffled: true)

  /// 84 sockets, all of them again each 200 ms; 600 to 800 ports a round, 1 ms apart, each three times, in two passes;
  /// fewer in later rounds, and longer waits between them.
  public static let easyTier: RivalSearch = {
    let waits: [Int] = [0, 1, 1, 2, 4, 4, 8, 8, 16]
    return RivalSearch(
      name: "EasyTier", sockets: 84, opening: .all(every: .milliseconds(200)),
      rounds: waits.enumerated().map { place, seconds in
        let share = place < 2 ? 1 : 2 / Double(place + 1)
        let ports = max(180, Int(600 * share))...max(180, Int(800 * share))
        // After each round it listens for a second more.
        return Round(
          after: .seconds(seconds + (place == 0 ? 0 : 1)), ports: ports, every: .milliseconds(1), copies: 3,
          passes: 2)
      }, isShuffled: true)
  }()

  /// How it went.
  public struct Outcome: Sendable {
    /// When each side had heard the other.
    public var found: Duration?
    /// What both sent until then, as many bytes for a packet as ours.
    public var bytes: Int
  }

  /// Looks for a port once.
  public func run(seed: UInt64, loss: Double, limit: Duration = .seconds(60)) async throws -> Outcome {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    configuration.lose(loss)
    let world = World(seed: seed, configuration: configuration) {
      Machine("easy").behind(.portRestrictedCone)
      Machine("hard").behind(.symmetric)
    }
    return try await world.run { world in
      let search = try Search(self, in: world)
      try await search.start()
      let found = try? await world.machine("easy").withDeadline(limit) { try await search.found() }
      return Outcome(found: found, bytes: await search.packets * SearchLimits.packetBytes)
    }
  }

  /// Both sides of it.
  private actor Search {
    private let schedule: RivalSearch
    private let easy: any Machine
    private let hard: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { easy.unownedExecutor }
    private let easyOutside: SocketAddress
    private let hardOutside: IPAddress
    private var prober: (any UDPSocket)?
    private var openers: [any UDPSocket] = []
    private var outbox = DatagramOutbox(byteCapacity: 64, runCapacity: 4)
    private var easyHasHeard = false
    private var hardHasHeard = false
    private var isOver = false
    private var waiting: Wait<Void>?
    private(set) var packets = 0

    init(_ schedule: RivalSearch, in world: World) throws {
      self.schedule = schedule
      easy = world.machine("easy")
      hard = world.machine("hard")
      // Its NAT keeps ports.
      easyOutside = SocketAddress(world.box("easy's NAT").outsideAddress, port: 40_000)
      hardOutside = world.box("hard's NAT").outsideAddress
    }

    func start() throws {
      prober = try easy.bindUDP(to: .any(.v4, port: easyOutside.port))
      prober?.deliver(to: self) { search, batch in
        batch.forEach { search.heard($0.source, by: nil) }
      }
      easy.spawn("probes") { try await self.probe() }
      hard.spawn("mappings") { try await self.open() }
    }

    func found() async throws -> Duration {
      let start = easy.now
      if !isOver { try await easy.suspend({ "a hit" }) { wait in waiting = wait } }
      return start.duration(to: easy.now)
    }

    private func send(from socket: any UDPSocket, to address: SocketAddress) {
      packets += 1
      outbox.append([1].span.bytes, to: address)
      socket.sendOrDrop(&outbox)
    }

    private func heard(_ source: SocketAddress, by opener: Int?) {
      guard !isOver else { return }
      if let opener {
        hardHasHeard = true
        send(from: openers[opener], to: source)
      } else if let prober {
        easyHasHeard = true
        send(from: prober, to: source)
      }
      guard easyHasHeard, hardHasHeard else { return }
      isOver = true
      waiting?.succeed(())
    }

    private func open() async throws {
      for number in 0..<schedule.sockets {
        let socket = try hard.bindUDP(to: .any(.v4))
        openers.append(socket)
        socket.deliver(to: self) { search, batch in
          batch.forEach { search.heard($0.source, by: number) }
        }
        send(from: socket, to: easyOutside)
      }
      var next = 0
      while !isOver {
        switch schedule.opening {
        case .once: return
        case .oneAfterAnother(let interval):
          try await hard.sleep(for: interval)
          send(from: openers[next % openers.count], to: easyOutside)
          next += 1
        case .all(let interval):
          try await hard.sleep(for: interval)
          for opener in openers { send(from: opener, to: easyOutside) }
        }
      }
    }

    private func probe() async throws {
      guard let prober else { return }
      var random = easy.random
      let ports = (1024...UInt16.max).shuffled(using: &random)
      var next = 0
      for round in schedule.rounds {
        if round.after > .zero { try await easy.sleep(for: round.after) }
        let count = Int.random(in: round.ports, using: &random)
        for _ in 0..<round.passes {
          for place in 0..<count {
            if isOver { return }
            let port =
              schedule.isShuffled
              ? ports[(next + place) % ports.count] : UInt16.random(in: 1024...UInt16.max, using: &random)
            for _ in 0..<round.copies { send(from: prober, to: SocketAddress(hardOutside, port: port)) }
            try await easy.sleep(for: round.every)
          }
        }
        next += count
      }
    }
  }
}
