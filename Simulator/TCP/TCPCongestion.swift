/// How much the network is trusted with: slow start, congestion avoidance and fast recovery (RFC 5681), with
/// NewReno's rule for several losses in one window (RFC 6582).
struct TCPCongestion {
  private enum Mode {
    /// Slow start below the threshold, avoidance above.
    case growing
    /// Fast recovery, until everything that was on its way at the loss is acknowledged.
    case recovering
  }

  /// The segments' size, SMSS.
  var segmentSize: Int
  private let largest: Int
  private var mode = Mode.growing
  private var window: Int
  private var threshold = Int.max
  private var duplicates = 0
  /// Bytes acknowledged since the window last grew in avoidance (RFC 3465).
  private var counted = 0
  /// What was sent at the last loss ends here: acknowledgements below it tell of no new loss.
  private var recover = 0

  init(segmentSize: Int, limits: TCPLimits) {
    self.segmentSize = segmentSize
    window = limits.initialWindow * segmentSize
    // No more can be on its way than the send buffer holds, thus a larger window would mean nothing.
    largest = max(limits.sendBuffer, window)
  }

  /// How much may be on its way. The first two duplicates let out a segment each (RFC 3042).
  var allowance: Int {
    mode == .growing ? window + min(duplicates, 2) * segmentSize : window
  }

  /// Takes an acknowledgement of `bytes` more, up to `position`, while what was sent ends at `highest`.
  ///
  /// - Returns: whether it tells of another loss: then the first unacknowledged segment is to be sent again.
  mutating func acknowledged(_ bytes: Int, upTo position: Int, of highest: Int) -> Bool {
    duplicates = 0
    switch mode {
    case .growing:
      grow(by: bytes)
      return false
    case .recovering where position >= recover:
      mode = .growing
      window = min(threshold, max(highest - position, segmentSize) + segmentSize)
      return false
    case .recovering:
      window = max(window - bytes + (bytes >= segmentSize ? segmentSize : 0), segmentSize)
      return true
    }
  }

  /// Takes an acknowledgement of nothing new, while from `position` to `highest` is on its way.
  ///
  /// - Returns: whether it is the third: then the first unacknowledged segment is to be sent again.
  mutating func duplicated(at position: Int, of highest: Int) -> Bool {
    if mode == .recovering {
      window = min(window + segmentSize, largest)
      return false
    }
    duplicates += 1
    guard duplicates == 3, position > recover else { return false }
    mode = .recovering
    recover = highest
    threshold = max((highest - position) / 2, 2 * segmentSize)
    window = threshold + 3 * segmentSize
    return true
  }

  /// Takes that no acknowledgement came in time, while from `position` to `highest` is on its way.
  mutating func timedOut(at position: Int, of highest: Int) {
    // Only the first timeout of a segment lowers the threshold (RFC 5681, 3.1).
    if mode == .recovering || position >= recover || threshold == .max {
      threshold = max((highest - position) / 2, 2 * segmentSize)
    }
    mode = .growing
    recover = highest
    duplicates = 0
    counted = 0
    window = segmentSize
  }

  /// Begins with one segment where even the SYN was lost (RFC 5681, 3.1).
  mutating func lostSYN() { window = segmentSize }

  private mutating func grow(by bytes: Int) {
    if window < threshold {
      window += min(bytes, segmentSize)
    } else {
      counted += bytes
      if counted >= window {
        counted -= window
        window += segmentSize
      }
    }
    window = min(window, largest)
  }
}
