import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How fast something comes, averaged over what was lately: the older, the less it counts.
struct TransferRate {
  private let start: Instant
  private var latest: Instant
  /// Bytes a second, each second weighed by its age, as if nothing had come before the start.
  private var weighed = 0.0

  init(at now: Instant) { (start, latest) = (now, now) }

  /// Counts what has come since this was called last.
  mutating func take(_ bytes: UInt64, at now: Instant) {
    let time = seconds(from: latest, to: now)
    guard time > 0 else {
      weighed += Double(bytes) / Self.memory
      return
    }
    let kept = exp(-time / Self.memory)
    weighed = weighed * kept + Double(bytes) / time * (1 - kept)
    latest = now
  }

  /// Bytes a second. Where nothing comes it sinks.
  func bytesPerSecond(at now: Instant) -> Double {
    let whole = 1 - exp(-seconds(from: start, to: now) / Self.memory)
    // In the first moments one knows nothing.
    guard whole > 0.01 else { return 0 }
    return weighed * exp(-seconds(from: latest, to: now) / Self.memory) / whole
  }

  private static let memory = Double(TerminalLimits.rateMemory.wholeNanoseconds) / 1e9

  private func seconds(from: Instant, to: Instant) -> Double {
    max(0, Double(from.duration(to: to).wholeNanoseconds) / 1e9)
  }
}
