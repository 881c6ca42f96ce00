import Glibc
import TestSupport
import WarrenMachine

/// Runs scripts in a network of the kernel's, all on the calling thread.
///
/// Whether a packet comes nowhere cannot be seen by waiting. So each is followed by a marker, over the same cables and
/// through the same box, but past its NAT. The thread stays on one processor, whose queue for what comes from cables is
/// one for all of them: what is sent first is at each of them first, and at the other end. When the marker is there,
/// the packet is where it goes, and so is what the box has answered, which has no longer way. Each packet has a number:
/// one that came late after all ends the run.
final class KernelRun {
  private let profile: Profile
  private let network: KernelNetwork
  private let table: ConnectionTable
  private var sockets: [KernelSocket] = []
  private var markers: [KernelSocket] = []
  private var number: UInt64 = 0

  init(_ profile: Profile, in network: KernelNetwork) throws {
    self.profile = profile
    self.network = network
    try stayOnThisProcessor()
    table = try network.connectionTable()
    sockets = try Player.allCases.map { try network.socket($0.host, at: $0.address(in: profile)) }
    markers = try Host.allCases.map { try network.socket($0, at: $0.markerAddress) }
    try waitForCables()
  }

  /// Runs a script, at the times that its rests say.
  func run(_ script: PacketScript) throws -> Recorder {
    try table.clear()
    var recorder = Recorder(profile)
    let start = monotonicTime()
    var rest = Duration.zero
    for step in script.steps {
      if case .rest(let milliseconds) = step { rest += .milliseconds(milliseconds) }
      sleep(until: start + rest)
      recorder.note(try perform(recorder.packet(of: step), since: start), of: step)
    }
    return recorder
  }

  private func perform(
    _ packet: (from: Player, to: SocketAddress)?, since start: Duration
  ) throws -> Sighting {
    guard let packet else { return Sighting() }
    number += 1
    var sighting = Sighting()
    sighting.sentAt = monotonicTime() - start
    try sockets[Int(packet.from.rawValue)].send(number, to: packet.to)
    try mark(from: packet.from.host)
    for player in Player.allCases {
      let socket = sockets[Int(player.rawValue)]
      while let failed = try socket.receiveFailure() {
        try expect(failed, at: player)
        guard player == packet.from else {
          throw KernelFailure(description: "\(player) is told of another's packet")
        }
        sighting.isRefused = true
      }
      while let (arrived, source) = try socket.receive() {
        try expect(arrived, at: player)
        sighting.arrivals.append((player, source))
      }
    }
    return sighting
  }

  private func expect(_ arrived: UInt64, at player: Player) throws {
    guard arrived == number else {
      throw KernelFailure(description: "at \(player), packet \(arrived) comes when \(number) has been sent")
    }
  }

  // MARK: Markers

  /// Sends a marker through the box, and waits until it is there.
  private func mark(from host: Host) throws {
    let target: Host = host.isInside ? .y : .x1
    try markers[Int(host.rawValue)].send(number, to: target.markerAddress)
    let socket = markers[Int(target.rawValue)]
    while socket.wait(atMost: .seconds(5)) {
      while let (arrived, _) = try socket.receive() {
        if arrived == number { return }
      }
    }
    throw KernelFailure(
      description: "the marker behind packet \(number) does not come from \(host) to \(target)")
  }

  /// A cable carries nothing until the kernel has noticed that both its ends are plugged in, each end by itself.
  private func waitForCables() throws {
    let end = monotonicTime() + .seconds(5)
    for (host, target) in [(Host.x1, Host.y), (.x2, .z), (.y, .x2), (.z, .x1)] {
      repeat {
        guard monotonicTime() < end else {
          throw KernelFailure(description: "\(host) has no way to \(target)")
        }
        try markers[Int(host.rawValue)].send(0, to: target.markerAddress)
      } while !markers[Int(target.rawValue)].wait(atMost: .milliseconds(1))
    }
    for socket in markers { while try socket.receive() != nil {} }
  }
}

extension Host {
  fileprivate var markerAddress: SocketAddress { SocketAddress(marker, port: 9) }
}

private func stayOnThisProcessor() throws {
  typealias Get = @convention(c) () -> CInt
  typealias Set = @convention(c) (_ thread: pid_t, _ size: Int, _ set: UnsafeRawPointer) -> CInt
  guard let get = hiddenFunction("sched_getcpu", as: Get.self),
    let set = hiddenFunction("sched_setaffinity", as: Set.self)
  else { throw KernelFailure(description: "the C library has no sched_setaffinity") }
  var processors = [UInt8](repeating: 0, count: 128)
  let own = Int(get())
  processors[own / 8] |= 1 << (own % 8)
  try check(set(0, processors.count, processors), "sched_setaffinity")
}

/// The time by the clock that nobody sets.
func monotonicTime() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

private func sleep(until moment: Duration) {
  let (seconds, attoseconds) = moment.components
  var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
  while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}
