import WarrenMachine

/// A simulated internet: machines, the networks and boxes between them, and one clock that all of it runs by.
///
/// ```swift
/// let world = World(seed: 7) {
///   Machine("alice").behind(.symmetric)
///   Machine("bob").behind(.fullCone).behind(.carrierGrade)
///   Server("registry")
/// }
/// try await world.run { world in … }
/// ```
///
/// A topology, a seed and a program give the same trace every time, on every machine.
public final class World: @unchecked Sendable {
  // Confined to the thread of its run while one is under way, and before and after it to its owner: hence
  // `@unchecked`. Everything that a run touches is reached through its executor.

  /// What everything that is left to chance is drawn from.
  public let seed: UInt64
  /// The world's clock; every machine's own begins at another moment.
  public internal(set) var now = Instant(nanoseconds: 0)
  /// Everything that has happened.
  public internal(set) var trace: Trace
  /// How many times a packet has arrived at a machine or a box.
  public internal(set) var hops = 0

  /// Sees everything that happens, when it happens.
  public var watch: ((Trace.Event) -> Void)?
  /// Writes down each packet wherever it is seen, if there is one.
  var capture: Capture?

  let configuration: Configuration
  let ready: ReadyQueue
  let executor: WorldExecutor
  let taskExecutor: WorldTaskExecutor
  let timers = TimerQueue()
  var packetsOnTheirWay = EventHeap()
  var lastPacketNumber: UInt64 = 0
  /// Decides between a timer and a packet of the same instant.
  var ties: SimulatorRandom
  var hasRun = false

  let internet: Network
  var networks: [Network] = []
  var machinesInOrder: [SimulatedMachine] = []
  var boxesInOrder: [Box] = []
  var machinesByName: [String: SimulatedMachine] = [:]
  var boxesByName: [String: Box] = [:]
  var extraNames: [String: [IPAddress]] = [:]

  /// How a world is run.
  public struct Configuration: Sendable {
    /// How many events the trace keeps; its hash is of all of them.
    public var keptEvents = SimulatorLimits.keptEvents
    /// How long a run may last in its own time.
    public var longestRun = SimulatorLimits.longestRun
    /// The link of everything that hangs on the internet and has none of its own.
    public var access = LinkConfiguration.access

    /// The usual.
    public init() {}
  }

  /// A world of these machines and boxes.
  public init(
    seed: UInt64, configuration: Configuration = Configuration(), @Topology _ topology: () -> [Node]
  ) {
    self.seed = seed
    self.configuration = configuration
    trace = Trace(keeping: configuration.keptEvents)
    ready = ReadyQueue(random: SimulatorRandom(seed: seed, stream: "order of jobs"))
    executor = WorldExecutor(ready: ready)
    taskExecutor = WorldTaskExecutor(ready: ready)
    ties = SimulatorRandom(seed: seed, stream: "ties")
    internet = Network(
      place: Trace.Place(id: 0, name: "internet"), routers: SimulatorLimits.internetRouters, plan: .internet)
    networks = [internet]
    var builder = TopologyLayout(world: self)
    for node in topology() { builder.add(node) }
  }

  /// The machine called `name`.
  public func machine(_ name: String) -> SimulatedMachine {
    guard let machine = machinesByName[name] else {
      preconditionFailure("no machine of this world is called \(name.debugDescription)")
    }
    return machine
  }

  /// The NAT or firewall called `name`: `alice's NAT`.
  public func box(_ name: String) -> Box {
    guard let box = boxesByName[name] else {
      preconditionFailure("no box of this world is called \(name.debugDescription)")
    }
    return box
  }

  /// All machines, in the order in which they were written.
  public var machines: [SimulatedMachine] { machinesInOrder }

  /// Makes `name` known to everyone who looks names up.
  public func addName(_ name: String, for addresses: [IPAddress]) { extraNames[name] = addresses }

  /// The addresses of `name`: of a machine, or one that was added.
  func addresses(of name: String) -> [IPAddress]? {
    // The name by which a NAT64's prefix is found (RFC 7050, 2.2).
    if name == "ipv4only.arpa" { return [IPAddress(192, 0, 0, 170), IPAddress(192, 0, 0, 171)] }
    return extraNames[name] ?? machinesByName[name]?.ownAddresses.sorted()
  }

  /// Adds a line to the trace.
  public func note(_ text: String) {
    record(.note(text), at: internet.place)
  }

  func record(_ happening: Trace.Happening, at place: Trace.Place) {
    trace.record(happening, at: place, now)
    if let watch { watch(Trace.Event(time: now, place: place.name, happening: happening)) }
  }

  /// Chance for one thing of this world, its own for as long as it keeps its name.
  package func random(for name: String) -> SimulatorRandom { SimulatorRandom(seed: seed, stream: name) }
}
