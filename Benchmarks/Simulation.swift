import Glibc
import Warren
import WarrenSimulator

/// Simulated datagrams through two NATs, and how much memory a simulated machine takes.
enum Simulation {
  /// Sends bursts to an address, as fast as the simulation goes.
  private actor Sender {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var outbox = DatagramOutbox()

    init(on machine: any Machine) { self.machine = machine }

    func send(_ bursts: Int, of size: Int, to address: SocketAddress) async throws {
      let socket = try machine.bindUDP(to: .any(.v4))
      let payload = [UInt8](repeating: 7, count: 1200)
      for _ in 0..<bursts {
        for _ in 0..<size { outbox.append(payload.span.bytes, to: address) }
        try socket.send(&outbox)
        try await machine.sleep(for: .milliseconds(1))
      }
      try await machine.sleep(for: .seconds(1))
    }
  }

  /// Counts what arrives, after one greeting that opens the NATs before it.
  private actor Receiver {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private(set) var count = 0
    private(set) var lastSender: SocketAddress?
    private var socket: (any UDPSocket)?

    init(on machine: any Machine) { self.machine = machine }

    func start(greeting address: SocketAddress?) throws -> UInt16 {
      let socket = try machine.bindUDP(to: .any(.v4))
      socket.deliver(to: self) { receiver, batch in
        batch.forEach { datagram in
          receiver.count += 1
          receiver.lastSender = datagram.source
        }
      }
      if let address {
        var outbox = DatagramOutbox(byteCapacity: 64)
        outbox.append(([1] as [UInt8]).span.bytes, to: address)
        try socket.send(&outbox)
      }
      self.socket = socket
      return socket.localAddress.port
    }
  }

  static func datagramsThroughNATs() async throws {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    let world = World(seed: 1, configuration: configuration) {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.fullCone)
      Server("registry")
    }
    let bursts = 4000
    let size = 64
    let start = now()
    let arrived = try await world.run { world in
      let registry = world.machine("registry")
      let rendezvous = Receiver(on: registry)
      let port = try await rendezvous.start(greeting: nil)
      let bob = Receiver(on: world.machine("bob"))
      _ = try await bob.start(greeting: SocketAddress(registry.address(), port: port))
      try await registry.sleep(for: .milliseconds(100))
      guard let address = await rendezvous.lastSender else { return 0 }
      try await Sender(on: world.machine("alice")).send(bursts, of: size, to: address)
      return await bob.count
    }
    let seconds = now() - start
    precondition(arrived == bursts * size, "\(arrived) of \(bursts * size) datagrams arrived")
    print("simulated datagrams through two NATs, 1,200 bytes, one core")
    print("  datagrams/s              \(perSecond(arrived, seconds))")
    print(
      "  hops/s                   \(perSecond(world.hops, seconds))   \(ratio(Double(world.hops) / seconds, 1e6)) of 1 million (aim: 1)"
    )
  }

  static func memoryOfMachines() async throws {
    let count = 1000
    let before = residentBytes()
    let world = World(seed: 1) {
      for index in 0..<count { Machine("m\(index)").behind(.portRestrictedCone) }
      Server("registry")
    }
    let resident = try await world.run { world in
      let registry = world.machine("registry")
      let rendezvous = Receiver(on: registry)
      let address = SocketAddress(registry.address(), port: try await rendezvous.start(greeting: nil))
      var receivers: [Receiver] = []
      for machine in world.machines where machine !== registry {
        let receiver = Receiver(on: machine)
        _ = try await receiver.start(greeting: address)
        receivers.append(receiver)
        // One after the other: the registry's buffer does not hold a thousand at once.
        try await machine.sleep(for: .microseconds(100))
      }
      try await registry.sleep(for: .seconds(1))
      let heard = await rendezvous.count
      precondition(heard == count, "\(heard) of \(count) machines were heard")
      return residentBytes()
    }
    let bytes = resident - before
    print("memory of \(count) simulated machines, each behind a NAT with a socket and a mapping")
    print("  bytes a machine          \(bytes / count)")
    print("  of 50 MB for all         \(ratio(Double(bytes), 50e6)) (aim: below 1)")
  }

}

/// How much memory this program holds.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var total = 0
  var resident = 0
  _ = withUnsafeMutablePointer(to: &total) { total in
    withUnsafeMutablePointer(to: &resident) { resident in
      withVaList([total, resident]) { vfscanf(file, "%ld %ld", $0) }
    }
  }
  return resident * Int(getpagesize())
}

/// Seconds on a clock that never goes back.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// User's and system's seconds of this process.
func processSeconds() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

/// A rate in thousands or millions.
func perSecond(_ count: Int, _ seconds: Double) -> String {
  let rate = Double(count) / seconds
  return rate >= 1e6 ? "\(ratio(rate, 1e6)) million" : "\(ratio(rate, 1e3)) thousand"
}

/// A ratio with two digits behind the point.
func ratio(_ value: Double, _ base: Double) -> String {
  let hundredths = Int((value / base * 100).rounded())
  let fraction = hundredths % 100
  return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
}
