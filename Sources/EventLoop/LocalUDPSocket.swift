import CDatagrams
import Glibc
import WarrenMachine

/// A UDP socket of this computer: a descriptor of our own, with all that the kernel has to make batches cheap.
final class LocalUDPSocket: UDPSocket, LocalMachine.Closable {
  var machine: any Machine { local }
  let localAddress: SocketAddress

  var onDatagrams: ((borrowing DatagramBatch) -> Void)? {
    didSet { watchAgain() }
  }
  var onWritable: (() -> Void)? {
    didSet { watchAgain() }
  }
  var onDeliveryFailure: ((DeliveryFailure) -> Void)?

  private let local: LocalMachine
  private let watch: DescriptorWatch
  private var id: UInt64 = 0
  private var isClosed = false
  /// Whether the kernel splits runs on sending; found out, and given up when a device cannot.
  private(set) var splits: Bool

  init(on local: LocalMachine, at address: SocketAddress, _ options: UDPOptions) throws(NetworkError) {
    let socket = try SystemSocket(.datagrams, for: address)
    try LocalUDPSocket.configure(socket, address.ip.family, options)
    try socket.bind(sharing: options.sharesPort, interface: options.interface)
    splits = options.usesOffload && cd_can_split(socket.descriptor) != 0
    if options.usesOffload { _ = cd_join(socket.descriptor) }
    let descriptor = socket.release()
    localAddress = WarrenEventLoop.localAddress(of: descriptor) ?? address
    self.local = local
    watch = DescriptorWatch(descriptor, on: local.loop.core)
    id = local.enlist(self)
    watch.onReadable = { [weak self] in self?.receive() }
    watch.onWritable = { [weak self] in self?.becomeWritable() }
    watch.onError = { [weak self] in
      self?.takeErrors()
      return true
    }
  }

  private static func configure(
    _ socket: borrowing SystemSocket, _ family: IPAddress.Family, _ options: UDPOptions
  ) throws(NetworkError) {
    switch family {
    case .v4:
      let level = Int32(IPPROTO_IP)
      try socket.set(level, IP_PKTINFO, 1)
      try socket.set(level, IP_RECVTOS, 1)
      try socket.set(level, IP_RECVTTL, 1)
      try socket.set(level, IP_RECVERR, 1)
    case .v6:
      let level = Int32(IPPROTO_IPV6)
      try socket.set(level, IPV6_RECVPKTINFO, 1)
      try socket.set(level, IPV6_RECVTCLASS, 1)
      try socket.set(level, IPV6_RECVHOPLIMIT, 1)
      try socket.set(level, IPV6_RECVERR, 1)
    }
    let fragments = fragmentation(family)
    try socket.set(
      fragments.level, fragments.option, options.allowsFragmentation ? fragments.allowed : fragments.refused)
    if let bytes = options.bufferBytes {
      let size = Int32(clamping: bytes)
      try socket.set(SOL_SOCKET, SO_RCVBUF, size)
      try socket.set(SOL_SOCKET, SO_SNDBUF, size)
    }
  }

  private static func fragmentation(
    _ family: IPAddress.Family
  ) -> (level: Int32, option: Int32, allowed: Int32, refused: Int32) {
    switch family {
    case .v4: (Int32(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE)
    case .v6: (Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_PROBE)
    }
  }

  var allowsFragmentation: Bool {
    get {
      let fragments = Self.fragmentation(localAddress.ip.family)
      var (mode, size) = (fragments.refused, socklen_t(MemoryLayout<Int32>.size))
      if !isClosed { getsockopt(watch.descriptor, fragments.level, fragments.option, &mode, &size) }
      return mode == fragments.allowed
    }
    set {
      guard !isClosed else { return }
      let fragments = Self.fragmentation(localAddress.ip.family)
      var mode = newValue ? fragments.allowed : fragments.refused
      let size = socklen_t(MemoryLayout<Int32>.size)
      setsockopt(watch.descriptor, fragments.level, fragments.option, &mode, size)
    }
  }

  private func watchAgain() {
    guard !isClosed else { return }
    watch.watch(reading: onDatagrams != nil, writing: onWritable != nil)
  }

  // MARK: Receiving

  private func receive() {
    let core = local.loop.core
    for _ in 0..<EventLoopLimits.receivesInARow {
      guard let onDatagrams, !isClosed else { return }
      let count = cd_receive(watch.descriptor, core.receiver, core.receivedRuns)
      // An error of an earlier datagram is reported here once, and is nothing that was received.
      if count < 0 { return -count == EAGAIN ? () : takeErrors() }
      withUnsafeTemporaryAllocation(of: DatagramRun.self, capacity: Int(count)) { runs in
        for index in 0..<Int(count) {
          runs.initializeElement(at: index, to: DatagramRun(core.receivedRuns[index]))
        }
        onDatagrams(DatagramBatch(runs: UnsafeBufferPointer(runs)))
        runs.deinitialize()
      }
      if count < EventLoopLimits.receiveBuffers { return }
    }
  }

  /// Empties the queue of reports, and clears what is pending, or the system would call for ever.
  private func takeErrors() {
    var failure = cd_failure()
    while !isClosed, cd_receive_failure(watch.descriptor, &failure) != 0 {
      if let report = DeliveryFailure(failure) { onDeliveryFailure?(report) }
    }
    if !isClosed { forgetPendingError() }
  }

  /// Takes the error that the system would answer the next call with, whatever that call is about.
  private func forgetPendingError() {
    var pending: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(watch.descriptor, SOL_SOCKET, SO_ERROR, &pending, &size)
  }

  // MARK: Sending

  func send(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    if isClosed { throw local.isClosed ? .machineClosed : .closed }
    var mayTryAgain = true
    var isTryingUnsplit = false
    while !outbox.isEmpty {
      try refuseUnusable(&outbox)
      let sent = sendSome(outbox)
      outbox.removeFirst(Int(sent.runs), thenBytes: Int(sent.bytes))
      switch sent.error {
      case 0, EINTR: continue
      case EAGAIN: return
      // The local queue was full: lost like anywhere else on the way.
      case ENOBUFS: outbox.removeFirst(1)
      case EIO where splits && outbox.firstIsRun, EINVAL where splits && outbox.firstIsRun:
        // Perhaps the device cannot split: if we can, we do so from now on.
        splits = false
        isTryingUnsplit = true
      default:
        // Perhaps what became of an earlier datagram: the queue of reports tells of that, and this one leaves.
        if mayTryAgain {
          mayTryAgain = false
          forgetPendingError()
          continue
        }
        if isTryingUnsplit { splits = true }
        throw refusal(of: &outbox, sent.error)
      }
    }
  }

  /// Throws out a datagram that the system would send astray or misunderstand.
  private func refuseUnusable(_ outbox: inout DatagramOutbox) throws(NetworkError) {
    guard let remote = outbox.pending.first?.remote else { return }
    if remote.canBeSentTo(from: localAddress.ip.family) { return }
    outbox.removeFirstDatagram()
    throw .unusableDestination(remote)
  }

  private func sendSome(_ outbox: borrowing DatagramOutbox) -> cd_sent {
    let pending = outbox.pending.prefix(EventLoopLimits.runsPerSend)
    return withUnsafeTemporaryAllocation(of: cd_run.self, capacity: pending.count) { runs in
      var count = 0
      for run in pending {
        // What is behind an unusable one waits for the next call, which refuses it.
        if count > 0, !run.remote.canBeSentTo(from: localAddress.ip.family) { break }
        runs.initializeElement(at: count, to: cd_run(run))
        count += 1
      }
      return cd_send(watch.descriptor, runs.baseAddress, UInt32(count), splits ? 1 : 0)
    }
  }

  private func refusal(of outbox: inout DatagramOutbox, _ code: Int32) -> NetworkError {
    let run = outbox.pending.first!
    outbox.removeFirstDatagram()
    if code == EMSGSIZE {
      return .datagramTooLarge(size: min(run.segmentSize, run.byteCount), to: run.remote)
    }
    return NetworkError(code, doing: "sending to", run.remote)
  }

  private func becomeWritable() {
    let handler = onWritable
    onWritable = nil
    handler?()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    onDatagrams = nil
    onWritable = nil
    onDeliveryFailure = nil
    local.retire(id, watch)
  }
}

// MARK: Between C and Swift

extension SocketAddress {
  @inline(__always)
  fileprivate init(_ raw: cd_address) { self.init(IPAddress(raw), port: raw.port) }
}

extension IPAddress {
  @inline(__always)
  fileprivate init(_ raw: cd_address) {
    self =
      raw.family == 4
      ? IPAddress(v4: UInt32(truncatingIfNeeded: raw.low)) : IPAddress(v6: raw.high, raw.low, zone: raw.zone)
  }
}

extension cd_address {
  @inline(__always)
  fileprivate init(_ ip: IPAddress, port: UInt16) {
    self.init(high: ip.high, low: ip.low, zone: ip.zone, port: port, family: ip.family.rawValue)
  }
}

extension cd_run {
  @inline(__always)
  fileprivate init(_ run: DatagramRun) {
    self.init(
      base: run.buffer.baseAddress, length: UInt32(run.byteCount), segment: UInt32(run.segmentSize),
      remote: cd_address(run.remote.ip, port: run.remote.port),
      local: run.localIP.map { cd_address($0, port: 0) } ?? cd_address(),
      hop_limit: run.hopLimit.map(Int16.init) ?? -1, ecn: run.ecn.rawValue)
  }
}

extension DatagramRun {
  @inline(__always)
  fileprivate init(_ raw: cd_run) {
    self.init(
      base: raw.base, byteCount: Int(raw.length), segmentSize: Int(raw.segment),
      remote: SocketAddress(raw.remote),
      localIP: raw.local.family == 0 ? nil : IPAddress(raw.local), ecn: ECN(rawValue: raw.ecn) ?? .notCapable,
      hopLimit: raw.hop_limit < 0 ? nil : UInt8(raw.hop_limit))
  }
}

extension DeliveryFailure {
  fileprivate init?(_ raw: cd_failure) {
    let reason: Reason
    switch Int(raw.reason) {
    case CD_PORT_UNREACHABLE: reason = .portUnreachable
    case CD_UNREACHABLE: reason = .unreachable
    case CD_PROHIBITED: reason = .prohibited
    case CD_HOP_LIMIT: reason = .hopLimitExceeded
    case CD_TOO_LARGE: reason = .tooLarge(mtu: Int(raw.mtu))
    default: return nil
    }
    self.init(
      reason: reason, destination: SocketAddress(raw.destination), reporter: IPAddress(raw.reporter),
      excerpt: withUnsafeBytes(of: raw.excerpt) { Array($0.prefix(Int(raw.length))) })
  }
}
