import Warren

/// Stands between clients and a server, and does to their datagrams what the weather says.
///
/// To the server it is as many clients as there are, each at a port of its own: as a NAT would have it.
public actor Storm {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  /// What it has done.
  public struct Counters: Hashable, Sendable {
    /// How many bytes have come to it.
    public var bytes = 0
    /// How many datagrams were lost, and how many because they were too large.
    public var lost = 0
    public var tooLarge = 0
    /// How many arrived twice, with another bit, and late.
    public var duplicated = 0
    public var corrupted = 0
    public var heldBack = 0
  }

  /// What it has done.
  public internal(set) var counters = Counters()

  let weather: Weather
  private let middleBytes: Int
  var isPastMiddle = false
  private var waiting: [Wait<Void>] = []
  var random: MachineRandom
  var entrance: Door?
  private var server: SocketAddress?
  var guests: [Guest] = []
  var held: [Held] = []
  var timer: MachineTimer?

  /// A socket, and what leaves from it.
  final class Door {
    let socket: any UDPSocket
    var outbox = DatagramOutbox()

    init(_ socket: any UDPSocket) { self.socket = socket }
  }

  /// A client, and where the server sees it.
  struct Guest {
    let address: SocketAddress
    var door: Door
  }

  /// A datagram that is held back.
  struct Held {
    let bytes: [UInt8]
    let envelope: DatagramEnvelope
    let door: Door
    let due: Instant
  }

  /// A storm that begins with ``start(at:before:)``, whose middle comes after so many bytes, there and back.
  public init(on machine: any Machine, _ weather: Weather, middle middleBytes: Int) {
    self.machine = machine
    self.weather = weather
    self.middleBytes = middleBytes
    random = machine.random
  }

  /// Stands before a server, at one of this machine's addresses.
  ///
  /// - Returns: where clients find it, with the port that the system chose.
  public func start(at ip: IPAddress, before server: SocketAddress) throws -> SocketAddress {
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.release() } }
    self.server = server
    let entrance = try open(at: ip) { storm, batch in storm.takeFromClients(batch) }
    self.entrance = entrance
    return entrance.socket.localAddress
  }

  /// Waits until the middle has come.
  public func middle() async throws {
    while !isPastMiddle {
      try await machine.suspend({ "the middle of a storm" }) { wait in
        if isPastMiddle { wait.succeed(()) } else { waiting.add(wait) }
      }
    }
  }

  /// Lets nothing pass any more.
  public func stop() {
    timer?.cancel()
    entrance?.socket.close()
    for guest in guests { guest.door.socket.close() }
    guests = []
    held = []
  }

  private func open(
    at ip: IPAddress, _ take: @escaping (isolated Storm, borrowing DatagramBatch) -> Void
  ) throws -> Door {
    var options = UDPOptions()
    options.bufferBytes = QUICLimits.socketBytes
    let socket = try machine.bindUDP(to: SocketAddress(ip, port: 0), options: options)
    socket.deliver(to: self, take)
    return Door(socket)
  }

  // MARK: What arrives

  private func takeFromClients(_ batch: borrowing DatagramBatch) {
    batch.forEach { datagram in
      guard let server, let number = guest(at: datagram.source) else { return }
      count(datagram)
      pass(datagram, to: server, through: guests[number].door)
    }
    send()
  }

  private func takeFromServer(_ batch: borrowing DatagramBatch, for number: Int) {
    batch.forEach { datagram in
      guard let entrance, datagram.source == server else { return }
      count(datagram)
      pass(datagram, to: guests[number].address, through: entrance)
    }
    send()
  }

  private func guest(at address: SocketAddress) -> Int? {
    if let known = guests.firstIndex(where: { $0.address == address }) { return known }
    let number = guests.count
    guard let door = openDoor(for: number) else { return nil }
    guests.append(Guest(address: address, door: door))
    return number
  }

  private func openDoor(for number: Int) -> Door? {
    guard let entrance else { return nil }
    return try? open(at: entrance.socket.localAddress.ip) { storm, batch in
      storm.takeFromServer(batch, for: number)
    }
  }

  // MARK: The middle

  private func count(_ datagram: borrowing Datagram) {
    counters.bytes += datagram.payload.byteCount
    guard !isPastMiddle, counters.bytes >= middleBytes else { return }
    isPastMiddle = true
    waiting.takeAll().endAll(.success(()))
    if weather.rebinds { rebind() }
  }

  private func rebind() {
    for number in guests.indices {
      guard let door = openDoor(for: number) else { continue }
      guests[number].door.socket.close()
      guests[number].door = door
    }
  }
}
