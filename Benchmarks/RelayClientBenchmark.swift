import Warren
import WarrenMachine
import WarrenRelay

/// What a relay's client does for each datagram, all but the system's part of it, beside copying as many bytes.
enum RelayClientBenchmark {
  private static let payload = 1200
  private static let perBatch = 50
  private static let batches = 20_000
  private static let peer = SocketAddress(IPAddress(192, 0, 2, 9), port: 9)

  static func run() async throws {
    let machine = LocalMachine(name: "relay")
    try await machine.run {
      let bare = BareMachine(machine)
      var address = RelayServerAddress(host: "127.0.0.1")
      (address.username, address.password) = ("alice", "sesame")
      let socket = try await RelayClient.allocate(at: [address], on: bare)
      guard let below = bare.socket else { return }
      // The first asks for the channel.
      var outbox = DatagramOutbox()
      outbox.append([0].span.bytes, to: peer)
      try socket.send(&outbox)
      try await machine.sleep(for: .milliseconds(50))
      let copying = copy()
      let sending = try send(by: socket, over: below)
      let receiving = receive(at: socket, over: below)
      print("A relay's client, ns for each datagram of \(payload) bytes (copying one: \(copying)):")
      print("  send \(sending), receive \(receiving)")
      socket.close()
    }
    await machine.close()
  }

  private static func perDatagram(_ body: () throws -> Void) rethrows -> Int {
    let clock = ContinuousClock()
    let taken = try clock.measure(body)
    return Int(taken / .nanoseconds(1)) / (batches * perBatch)
  }

  private static func copy() -> Int {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * perBatch * payload, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 1)
    let base = memory.baseAddress!
    return perDatagram {
      for _ in 0..<batches {
        for place in 0..<perBatch {
          (base + (perBatch + place) * payload).copyMemory(from: base + place * payload, byteCount: payload)
        }
      }
    }
  }

  private static func send(by socket: RelayedSocket, over below: BareSocket) throws -> Int {
    let bytes = [UInt8](repeating: 7, count: payload)
    var outbox = DatagramOutbox()
    (below.sent, below.runs) = (0, 0)
    let taken = try perDatagram {
      for _ in 0..<batches {
        for _ in 0..<perBatch { outbox.append(bytes.span.bytes, to: peer) }
        try socket.send(&outbox)
      }
    }
    precondition(below.sent == batches * perBatch && below.runs <= batches * 2)
    return taken
  }

  private static func receive(at socket: RelayedSocket, over below: BareSocket) -> Int {
    var count = 0
    socket.onDatagrams = { batch in batch.forEachRun { count += $0.count } }
    let size = payload + ChannelData.headerSize
    var bytes: [UInt8] = []
    for _ in 0..<perBatch {
      bytes += [0x40, 0, UInt8(payload >> 8), UInt8(payload & 255)] + [UInt8](repeating: 5, count: payload)
    }
    let taken = bytes.withUnsafeBytes { bytes in
      perDatagram { for _ in 0..<batches { below.bring(bytes, size) } }
    }
    precondition(count == batches * perBatch)
    return taken
  }
}

/// A machine whose sockets are bare.
final class BareMachine: Machine, @unchecked Sendable {
  // It is used on the executor alone: hence `@unchecked`.
  private let local: LocalMachine
  private(set) var socket: BareSocket?

  init(_ local: LocalMachine) { self.local = local }

  var name: String { local.name }
  var unownedExecutor: UnownedSerialExecutor { local.unownedExecutor }
  var taskExecutor: any TaskExecutor { local.taskExecutor }
  var isOnExecutor: Bool { local.isOnExecutor }
  func submit(_ work: @escaping @Sendable () -> Void) { local.submit(work) }
  var waits: WaitList { local.waits }
  var now: Instant { local.now }
  var timeSince1970: Duration { local.timeSince1970 }
  func makeTimer(_ fire: @escaping () -> Void) -> MachineTimer { local.makeTimer(fire) }
  func fillRandom(_ bytes: UnsafeMutableRawBufferPointer) { local.fillRandom(bytes) }
  var files: any FileSystem { local.files }
  func interfaces() throws(NetworkError) -> [NetworkInterface] { try local.interfaces() }
  func gateways() throws(NetworkError) -> [IPAddress] { try local.gateways() }
  func askUPnPGateway(_ request: UPnPRequest, _ wait: Wait<UPnPGateway>) {
    local.askUPnPGateway(request, wait)
  }
  func nameServers() -> [SocketAddress] { local.nameServers() }
  func lookUp(_ name: String, _ wait: Wait<[IPAddress]>) { local.lookUp(name, wait) }
  func bindUDP(to address: SocketAddress, options: UDPOptions) throws(NetworkError) -> any UDPSocket {
    let made = BareSocket(self)
    socket = made
    return made
  }
  func openTCP(to address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPConnection {
    try local.openTCP(to: address, options: options)
  }
  func listenTCP(on address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPListener {
    try local.listenTCP(on: address, options: options)
  }
  func close() async {}
}

/// A UDP socket with a relay behind it that says yes to everything, and no network.
final class BareSocket: UDPSocket {
  let machine: any Machine
  let localAddress = SocketAddress(IPAddress(127, 0, 0, 1), port: 1000)
  var onDatagrams: ((borrowing DatagramBatch) -> Void)?
  var onWritable: (() -> Void)?
  var onDeliveryFailure: ((DeliveryFailure) -> Void)?
  var sent = 0
  var runs = 0
  private var server = SocketAddress(IPAddress(127, 0, 0, 1), port: 3478)

  init(_ machine: any Machine) { self.machine = machine }

  func send(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    var answers: [[UInt8]] = []
    for run in outbox.pending {
      runs += 1
      sent += run.count
      if let message = try? STUNMessage(run.bytes), message.messageClass == .request {
        sent -= 1
        answers.append(answer(message))
      }
    }
    outbox.removeAll()
    for answer in answers {
      nonisolated(unsafe) let own = self
      machine.submit { answer.withUnsafeBytes { own.bring($0, answer.count) } }
    }
  }

  private func answer(_ message: STUNMessage) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.beginAnswer(.success, to: message)
    writer.add(.xorRelayedAddress, masked: SocketAddress(IPAddress(192, 0, 2, 1), port: 5000))
    writer.add(.lifetime, UInt32(600))
    return writer.copy
  }

  /// Has bytes arrive, in datagrams of one size.
  func bring(_ bytes: UnsafeRawBufferPointer, _ size: Int) {
    let run = DatagramRun(
      base: bytes.baseAddress, byteCount: bytes.count, segmentSize: size, remote: server, localIP: nil,
      ecn: .notCapable, hopLimit: nil)
    withUnsafePointer(to: run) { onDatagrams?(DatagramBatch(runs: UnsafeBufferPointer(start: $0, count: 1))) }
  }

  func close() { onDatagrams = nil }
}
