import CBare
import Warren

/// Datagrams of 1,200 bytes over loopback, from one loop to another, beside a C program that does nothing else.
enum LoopbackDatagrams {
  private static let size = 1200
  private static let segments = 54

  /// Sends as fast as the system takes it.
  private actor Sender {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var socket: (any UDPSocket)!
    private var outbox = DatagramOutbox()
    private let target: SocketAddress
    private let writes: Bool
    private var isStopped = false

    init(on machine: any Machine, to target: SocketAddress, writes: Bool) {
      self.machine = machine
      self.target = target
      self.writes = writes
    }

    func start(offload: Bool) throws {
      var options = UDPOptions()
      options.usesOffload = offload
      socket = try machine.bindUDP(to: .loopback(.v4), options: options)
      pump()
    }

    func stop() {
      isStopped = true
      socket.close()
    }

    private func pump() {
      guard !isStopped else { return }
      for _ in 0..<4 {
        fill()
        do { try socket.send(&outbox) } catch { preconditionFailure("\(error)") }
        guard outbox.isEmpty else {
          socket.onWritable = { [weak self] in self?.assumeIsolated { $0.pump() } }
          return
        }
      }
      machine.submit { [weak self] in self?.assumeIsolated { $0.pump() } }
    }

    /// Three runs; their bytes written anew, or taken as they lie in memory.
    private func fill() {
      for _ in 0..<3 * LoopbackDatagrams.segments {
        outbox.append(to: target, capacity: LoopbackDatagrams.size) { datagram in
          if writes {
            datagram.append(repeating: 7, count: LoopbackDatagrams.size, as: UInt8.self)
          } else {
            datagram.withUnsafeMutableBytes { _, count in count = LoopbackDatagrams.size }
          }
        }
      }
    }
  }

  /// Looks at each datagram that arrives.
  private actor Receiver {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var socket: (any UDPSocket)!
    private(set) var bytes = 0
    private var batches = 0

    init(on machine: any Machine) { self.machine = machine }

    func start(offload: Bool) throws -> SocketAddress {
      var options = UDPOptions()
      options.usesOffload = offload
      socket = try machine.bindUDP(to: .loopback(.v4), options: options)
      socket.deliver(to: self) { receiver, batch in
        receiver.batches += 1
        batch.forEach { receiver.bytes += $0.payload.byteCount }
      }
      return socket.localAddress
    }

    func stop() { socket.close() }
  }

  private static func ours(offload: Bool, writes: Bool) async throws -> Double {
    let (near, far) = (LocalMachine(name: "sender"), LocalMachine(name: "receiver"))
    let receiver = Receiver(on: far)
    let sender = Sender(on: near, to: try await receiver.start(offload: offload), writes: writes)
    try await sender.start(offload: offload)
    try await far.sleep(for: .milliseconds(100))
    let before = await receiver.bytes
    let start = now()
    try await far.sleep(for: .seconds(1))
    let rate = Double(await receiver.bytes - before) / (now() - start)
    await sender.stop()
    await receiver.stop()
    await near.close()
    await far.close()
    return rate / Double(size)
  }

  static func run() async throws {
    print("datagrams over loopback, \(size) bytes, a thread each side")
    // Each five times in turn, since these machines are noisy: the medians are compared.
    var rates: [String: [Double]] = [:]
    for _ in 0..<5 {
      rates["send and recv", default: []].append(bare_datagrams(Int32(size), 1, 0))
      rates["GSO and GRO", default: []].append(bare_datagrams(Int32(size), 1, 1))
      rates["ours", default: []].append(try await ours(offload: true, writes: false))
      rates["ours, bytes written", default: []].append(try await ours(offload: true, writes: true))
      rates["ours, no offload", default: []].append(try await ours(offload: false, writes: false))
    }
    func median(_ name: String) -> Double { rates[name]!.sorted()[2] }
    func line(_ name: String, _ key: String, against base: String?, _ aim: String = "") {
      let rate = median(key)
      let bits = ratio(rate * Double(size) * 8, 1e9)
      let comparison = base.map { "   \(ratio(rate, median($0))) of \($0)\(aim)" } ?? ""
      let padded = name + String(repeating: " ", count: max(0, 25 - name.count))
      print("  \(padded)\(perSecond(Int(rate), 1))/s, \(bits) Gbit/s\(comparison)")
    }
    line("bare send and recv", "send and recv", against: nil)
    line("bare GSO and GRO", "GSO and GRO", against: nil)
    line("LocalMachine", "ours", against: "GSO and GRO", " (aim: 0.8)")
    line("  bytes written anew", "ours, bytes written", against: "GSO and GRO")
    line("  without offload", "ours, no offload", against: "send and recv")
  }
}
