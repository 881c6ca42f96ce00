import Glibc
import TestSupport
import WarrenMachine

@testable import WarrenSimulator

/// Carries packets between the devices of machines and boxes, as the networks and links of a simulated world would: their routes, hops,
/// delays and losses are the simulator's own, and all else is the kernel's.
///
/// So it needs nothing that a kernel may have been built without (`netem`), and where the two worlds differ, no link does.
final class PacketCarrier: @unchecked Sendable {
  // What its thread and others use is in `state`; the rest does not change, or is that thread's: hence `@unchecked`.
  private let state: Guarded<State>
  private let wake: (reading: CInt, writing: CInt)
  private var thread: pthread_t?

  private struct State {
    let world: World
    var ports: [Port] = []
    /// The earliest last.
    var onTheirWay: [Delivery] = []
    var order: UInt64 = 0
    var isEnded = false
    var sent: [String: Int] = [:]
  }

  /// Where a device hangs on a network.
  struct Port {
    var owner: String
    var device: TunnelDevice
    var attachment: Attachment
  }

  private struct Delivery {
    var time: Instant
    var order: UInt64
    var frame: IPv4Frame
    var attachment: Attachment
    var direction: Arrival.Direction
  }

  init(_ world: World) throws {
    state = Guarded(State(world: world))
    var ends: [CInt] = [0, 0]
    try check(pipe(&ends), "pipe")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    wake = (ends[0], ends[1])
  }

  /// Begins. All ports are there by now.
  func start() {
    let carrier = Unmanaged.passUnretained(self).toOpaque()
    var thread = pthread_t()
    precondition(pthread_create(&thread, nil, runPacketCarrier, carrier) == 0)
    self.thread = thread
  }

  deinit {
    close(wake.reading)
    close(wake.writing)
  }

  /// Ends it; afterwards nothing is carried any more.
  func stop() {
    state.withLock { $0.isEnded = true }
    _ = write(wake.writing, [1], 1)
    // One that could not be built to its end was never begun.
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }

  func add(_ port: Port) { state.withLock { $0.ports.append(port) } }

  /// Changes the world by whose links and networks packets go.
  func change<Value>(_ body: (World) throws -> Value) rethrows -> Value {
    try state.withLock { try body($0.world) }
  }

  /// The devices of a machine or box hang elsewhere now.
  func move(_ owner: String, to attachment: Attachment) {
    state.withLock { state in
      for index in state.ports.indices where state.ports[index].owner == owner {
        state.ports[index].attachment = attachment
      }
    }
  }

  /// How many packets a machine has sent.
  func sent(by machine: String) -> Int { state.withLock { $0.sent[machine, default: 0] } }

  // MARK: Its thread

  fileprivate func run() {
    let devices = state.withLock { $0.ports.map(\.device) }
    var questions = devices.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    questions.append(pollfd(fd: wake.reading, events: Int16(POLLIN), revents: 0))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    typealias Wait =
      @convention(c) (UnsafeMutablePointer<pollfd>, nfds_t, UnsafePointer<timespec>, UnsafeRawPointer?) ->
      CInt
    guard let wait = hiddenFunction("ppoll", as: Wait.self) else { fatalError("the C library has no ppoll") }
    while true {
      guard let rest = state.withLock({ $0.isEnded ? nil : Self.deliver(&$0) }) else { return }
      let nanoseconds = rest.wholeNanoseconds
      var limit = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      guard wait(&questions, nfds_t(questions.count), &limit, nil) > 0 else { continue }
      for (index, device) in devices.enumerated() where questions[index].revents != 0 {
        // A few at a time: those of others and those that are due wait no longer than for these.
        for _ in 0..<32 {
          guard let count = buffer.withUnsafeMutableBytes({ device.receive($0) }) else { break }
          guard let frame = IPv4Frame(Array(buffer.prefix(count))) else { continue }
          state.withLock { Self.take(frame, from: index, &$0) }
        }
      }
    }
  }

  private static var now: Instant { Instant(nanoseconds: monotonicTime().wholeNanoseconds) }

  /// Lets all arrive that is due, and says how long nothing will be.
  private static func deliver(_ state: inout State) -> Duration {
    while let next = state.onTheirWay.last {
      let now = now
      guard next.time <= now else {
        return now.duration(to: next.time)
      }
      state.onTheirWay.removeLast()
      arrive(next.frame, over: next.attachment, next.direction, &state)
    }
    return .seconds(1)
  }

  private static func take(_ frame: IPv4Frame, from index: Int, _ state: inout State) {
    let port = state.ports[index]
    state.sent[port.owner, default: 0] += 1
    carry(frame, over: port.attachment, .up, &state)
  }

  // MARK: As the world does it

  private static func carry(
    _ frame: IPv4Frame, over attachment: Attachment, _ direction: Arrival.Direction, _ state: inout State
  ) {
    let size = frame.bytes.count
    let link = direction == .up ? attachment.up : attachment.down
    guard size <= link.configuration.mtu else {
      let network = attachment.network
      return report(
        .tooLarge(mtu: link.configuration.mtu), about: frame, by: network.router(1, .v4), in: network, &state)
    }
    guard !link.isIdeal else { return arrive(frame, over: attachment, direction, &state) }
    let now = now
    let fate =
      direction == .up ? attachment.up.carry(size, at: now) : attachment.down.carry(size, at: now)
    switch fate {
    case .arrives(let time): add(frame, attachment, direction, at: time, &state)
    case .arrivesTwice(let first, let second):
      add(frame, attachment, direction, at: first, &state)
      add(frame, attachment, direction, at: second, &state)
    case .lost: break
    }
  }

  private static func add(
    _ frame: IPv4Frame, _ attachment: Attachment, _ direction: Arrival.Direction, at time: Instant,
    _ state: inout State
  ) {
    state.order += 1
    let delivery = Delivery(
      time: time, order: state.order, frame: frame, attachment: attachment, direction: direction)
    var place = state.onTheirWay.count
    // Most arrive after all others: near the front.
    var low = 0
    while low < place {
      let middle = (low + place) / 2
      if (state.onTheirWay[middle].time, state.onTheirWay[middle].order) > (time, state.order) {
        low = middle + 1
      } else {
        place = middle
      }
    }
    state.onTheirWay.insert(delivery, at: low)
  }

  private static func arrive(
    _ frame: IPv4Frame, over attachment: Attachment, _ direction: Arrival.Direction, _ state: inout State
  ) {
    guard direction == .up else {
      state.ports.first { $0.attachment === attachment }?.device.send(frame.bytes)
      return
    }
    switch attachment.network.decide(frame.header, from: attachment) {
    case .pass(let packet, let target):
      var frame = frame
      if packet.hopLimit != frame.header.hopLimit { frame.setHopLimit(packet.hopLimit) }
      carry(frame, over: target, .down, &state)
    case .drop(_, let reason, let router):
      if let reason { report(reason, about: frame, by: router, in: attachment.network, &state) }
    }
  }

  private static func report(
    _ reason: DeliveryFailure.Reason, about frame: IPv4Frame, by router: IPAddress, in network: Network,
    _ state: inout State
  ) {
    guard let failure = frame.header.failure(reason, reportedBy: router),
      case .pass(let packet, let target) = network.decide(failure, from: nil),
      let answer = IPv4Frame(packet.bytes)
    else { return }
    carry(answer, over: target, .down, &state)
  }
}

private func runPacketCarrier(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<PacketCarrier>.fromOpaque(pointer!).takeUnretainedValue().run()
  return nil
}
