import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What happens, a line each: the time of day, of what kind it is, and what it is.
struct Happening {
  let terminal = Terminal()

  func say(_ category: String, _ text: String) {
    let column = category + String(repeating: " ", count: max(1, 8 - category.count))
    terminal.result("\(Self.timeOfDay, .quiet)  \(column)\(text)")
  }

  /// Such as `09:05:07.123`, where this computer is.
  private static var timeOfDay: String {
    var (now, day) = (timespec(), tm())
    clock_gettime(CLOCK_REALTIME, &now)
    localtime_r(&now.tv_sec, &day)
    func padded(_ number: some BinaryInteger, _ digits: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return [day.tm_hour, day.tm_min, day.tm_sec].map { padded($0, 2) }.joined(separator: ":") + "."
      + padded(now.tv_nsec / 1_000_000, 3)
  }
}
