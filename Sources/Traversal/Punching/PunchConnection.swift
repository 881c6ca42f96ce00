import WarrenMachine

/// A TCP connection that carries frames, each behind its length in two bytes (RFC 4571), until it is handed over.
///
/// It reads no byte beyond the frame it is in: what follows the last frame belongs to whoever takes the connection.
final class PunchConnection {
  let tcp: any TCPConnection
  let number: Int
  /// Ends it unless it proves in time whose it is.
  var proof: MachineTimer?
  /// Whether it was handed over, or has ended.
  var isGone = false
  private var unsent: [UInt8] = []
  private var frame = [UInt8](repeating: 0, count: PunchLimits.frameBytes)
  private var filled = 0
  /// How long the frame is; nil while its length is read.
  private var size: Int?

  init(_ tcp: any TCPConnection, number: Int) {
    self.tcp = tcp
    self.number = number
  }

  /// Whether everything that was to be sent is on its way.
  var isFlushed: Bool { unsent.isEmpty }

  /// Reads what has arrived and hands each whole frame to `body`, until it says no.
  ///
  /// - Returns: whether the connection is of further use.
  func readFrames(_ body: ([UInt8], Int) -> Bool) -> Bool {
    while !isGone {
      let wanted = size ?? 2
      guard wanted > 0, wanted <= frame.count else { return false }
      var result = TCPRead.nothingYet
      var failed = false
      frame.withUnsafeMutableBytes { frame in
        let room = UnsafeMutableRawBufferPointer(rebasing: frame[filled..<wanted])
        var span = OutputRawSpan(buffer: room, initializedCount: 0)
        do throws(NetworkError) { result = try tcp.readNow(into: &span) } catch { failed = true }
        _ = span.finalize(for: room)
      }
      guard !failed else { return false }
      switch result {
      case .nothingYet: return true
      case .ended: return false
      case .bytes(let count): filled += count
      }
      guard filled == wanted else { continue }
      filled = 0
      if size == nil {
        size = Int(frame[0]) << 8 | Int(frame[1])
      } else {
        size = nil
        if !body(frame, wanted) { return true }
      }
    }
    return true
  }

  /// Sends a frame.
  ///
  /// - Returns: whether the connection is of further use.
  func write(_ bytes: RawSpan) -> Bool {
    unsent += [UInt8(bytes.byteCount >> 8), UInt8(bytes.byteCount & 0xFF)]
    bytes.withUnsafeBytes { unsent.append(contentsOf: $0) }
    return flush()
  }

  /// Sends what is left.
  func flush() -> Bool {
    while !unsent.isEmpty {
      do throws(NetworkError) {
        let bytes = unsent
        let taken = try tcp.writeNow(bytes.span.bytes)
        if taken == 0 { return true }
        unsent.removeFirst(taken)
      } catch {
        return false
      }
    }
    return true
  }
}
