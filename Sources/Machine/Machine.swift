/// A computer on a network: the only way in which Warren touches the world.
///
/// There are two: `LocalMachine`, the one this program runs on, and `SimulatedMachine`, one of a simulated
/// internet. An actor written over `Machine` runs on both unchanged. It pins itself to the machine's executor in
/// one line, and everything it does with sockets and timers is then a plain call on one thread:
///
/// ```swift
/// actor Greeter {
///   let machine: any Machine
///   nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
/// }
/// ```
///
/// What returns a socket, a timer or the time must be called on the executor: from such an actor, or inside
/// ``run(_:_:)``. What only waits may be called from anywhere.
public protocol Machine: AnyObject, Sendable {
  /// What it is called, in logs and traces.
  var name: String { get }

  // MARK: Executor

  /// Where its actors run.
  var unownedExecutor: UnownedSerialExecutor { get }
  /// Where everything that belongs to no actor runs; the same thread.
  var taskExecutor: any TaskExecutor { get }
  /// Whether the caller runs on the executor.
  var isOnExecutor: Bool { get }
  /// Runs `work` on the executor, soon, from whatever thread.
  func submit(_ work: @escaping @Sendable () -> Void)
  /// Who waits for what on this machine.
  var waits: WaitList { get }

  // MARK: Time and chance

  /// The time on a clock that never goes back.
  var now: Instant { get }
  /// The time of day: how long ago 1970 began, in UTC. It may jump; never measure with it.
  var timeSince1970: Duration { get }
  /// A timer that calls `fire` on the executor.
  func makeTimer(_ fire: @escaping () -> Void) -> MachineTimer
  /// Fills `bytes` with chance: the system's, which nobody can foresee, or a simulation's, drawn from its seed.
  func fillRandom(_ bytes: UnsafeMutableRawBufferPointer)

  // MARK: Files

  /// The files of this machine.
  var files: any FileSystem { get }

  // MARK: Network

  /// The interfaces that are up, in the system's order.
  func interfaces() throws(NetworkError) -> [NetworkInterface]
  /// The routers on the way to everything that is not a neighbour, the system's favourite of each family first.
  func gateways() throws(NetworkError) -> [IPAddress]
  /// Asks the network's gateway something by UPnP, and ends `wait` with its answer or a ``UPnPError``.
  ///
  /// Requests of one machine are worked on one after another. A request to look or to map whose wait has ended
  /// need not be begun any more; one to unmap is done all the same, so that nothing stays open.
  func askUPnPGateway(_ request: UPnPRequest, _ wait: Wait<UPnPGateway>)
  /// The name servers that this machine asks, the favourite first.
  func nameServers() -> [SocketAddress]
  /// Looks a name up and ends `wait` with its addresses.
  func lookUp(_ name: String, _ wait: Wait<[IPAddress]>)
  /// A UDP socket at `address`; of IPv6 only, where that is IPv6.
  func bindUDP(to address: SocketAddress, options: UDPOptions) throws(NetworkError) -> any UDPSocket
  /// A TCP connection that begins to open.
  func openTCP(to address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPConnection
  /// A TCP socket that listens at `address`; for IPv6 only, where that is IPv6.
  func listenTCP(on address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPListener

  /// Closes every socket, file and timer of the machine and ends every wait with ``NetworkError/machineClosed``.
  func close() async
}

extension Machine {
  /// A UDP socket at `address`, as is usual.
  public func bindUDP(to address: SocketAddress) throws(NetworkError) -> any UDPSocket {
    try bindUDP(to: address, options: UDPOptions())
  }

  /// A TCP socket that listens at `address`, as is usual.
  public func listenTCP(on address: SocketAddress) throws(NetworkError) -> any TCPListener {
    try listenTCP(on: address, options: TCPOptions())
  }

  /// A TCP connection to `address` that is open.
  public func connectTCP(
    to address: SocketAddress, options: TCPOptions = TCPOptions()
  ) async throws -> any TCPConnection {
    let connection = try openTCP(to: address, options: options)
    do {
      try await connection.opened()
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  /// The addresses of the host called `name`, or the one that `name` spells; behind a NAT64 also the one by which that is reached.
  public func resolve(_ name: String) async throws -> [IPAddress] {
    if let address = try? IPAddress(name) { return await synthesized(for: address) + [address] }
    return try await onExecutor("resolve \(name)") { machine in
      try await machine.suspend({ "look up \(name)" }) { machine.lookUp(name, $0) }
    }
  }

  /// Stops the program when the caller is not on the executor.
  public func preconditionOnExecutor(_ function: StaticString = #function) {
    precondition(
      isOnExecutor,
      "\(function) must be called on the machine's executor: from an actor pinned to it, or inside run { }")
  }
}
