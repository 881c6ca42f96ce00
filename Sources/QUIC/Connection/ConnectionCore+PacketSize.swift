import CQUIC
import WarrenMachine

// The library finds out how large the packets are that a path carries, and takes it that they always will be. Where a
// path carries less later, larger packets vanish, again and again, and it never notices (RFC 8899, 4.3).
extension ConnectionCore {
  /// How large packets may be now.
  var packetLimit: Int { clock < smallPacketsUntil ? QUICLimits.surePacket : cquic_packet_capacity(handle) }

  /// The system says that a packet is too large to leave. Where it is none that asks whether the path carries more, it carries less than it
  /// did: what must be of full size, as an answer to who asks whether the path leads here, is so until it leaves.
  func refused(_ size: Int, to remote: SocketAddress, at now: Instant) {
    guard phase == .handshaking || phase == .open, remote == path.remote, size > QUICLimits.surePacket,
      size <= statistics.packetSize
    else { return }
    smallPacketsUntil = now.advanced(by: QUICLimits.smallPacketsTime)
  }

  /// After how long without an answer the other side is asked again.
  var probeTimeout: Duration { .nanoseconds(Int64(clamping: cquic_probe_timeout(handle))) }

  /// Looks whether a stream stands still, although what it sent was sent again: perhaps it is too large.
  func lookForStalls(at now: Instant) {
    guard now >= nextLookForStalls, now >= smallPacketsUntil else { return }
    let timeout = probeTimeout
    nextLookForStalls = now.advanced(by: timeout)
    let patience = timeout * QUICLimits.stallTimeouts
    let isStalled = streams.values.contains { stream in
      stream.stalledSince.map { $0.duration(to: now) >= patience } ?? false
    }
    if isStalled { smallPacketsUntil = now.advanced(by: QUICLimits.smallPacketsTime) }
  }
}
