import Warren

// Numbers as a person reads them.

extension Duration {
  /// `0.4 ms`, `12.5 ms`, `125 ms`, `1.25 s`, `12.5 s`, `2 min 5 s`, `3 h 20 min`, `12 days 7 h`.
  package var reading: String {
    let seconds = self / .seconds(1)
    switch seconds {
    case ..<0: return "-" + (Duration.zero - self).reading
    case ..<0.09995: return "\((seconds * 1000).tenths) ms"
    case ..<0.9995: return "\(Int((seconds * 1000).rounded())) ms"
    case ..<9.995: return "\((seconds * 100).rounded().hundredths) s"
    case ..<99.95: return "\(seconds.tenths) s"
    case ..<3599.5:
      let whole = Int(seconds.rounded())
      return "\(whole / 60) min\(whole % 60 == 0 ? "" : " \(whole % 60) s")"
    case ..<172_800:
      let minutes = Int((seconds / 60).rounded())
      return "\(minutes / 60) h\(minutes % 60 == 0 ? "" : " \(minutes % 60) min")"
    default:
      let hours = Int((seconds / 3600).rounded())
      return "\((hours / 24).reading) days\(hours % 24 == 0 ? "" : " \(hours % 24) h")"
    }
  }

  /// In milliseconds, as a drawing counts.
  var inMilliseconds: Double { self / .milliseconds(1) }
}

extension Double {
  /// To a tenth, without one where there is none: `12`, `12.5`, `-0.3`.
  var tenths: String {
    let count = Int((self * 10).rounded())
    let sign = count < 0 ? "-" : ""
    let (whole, tenth) = (count.magnitude / 10, count.magnitude % 10)
    return tenth == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(tenth)"
  }

  /// Of hundredths: `1.25`.
  fileprivate var hundredths: String {
    let count = Int(self)
    let rest = count % 100
    return rest == 0 ? "\(count / 100)" : "\(count / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension Int {
  /// With a thin space between thousands: `12 345`.
  package var reading: String {
    var (digits, text) = (String(magnitude), "")
    while digits.count > 3 {
      text = "\u{202F}" + digits.suffix(3) + text
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + digits + text
  }

  /// `1 seed`, `20 seeds`.
  func counted(_ one: String, _ several: String? = nil) -> String {
    "\(reading) \(self == 1 ? one : several ?? one + "s")"
  }
}
