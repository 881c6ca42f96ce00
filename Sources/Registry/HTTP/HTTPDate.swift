/// A time of day as HTTP writes it, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
///
/// - Parameter time: how long ago 1970 began.
func httpDate(_ time: Duration) -> String {
  let seconds = time.components.seconds
  let day = seconds / 86_400
  let second = seconds % 86_400
  // Years that begin in March have their odd day at the end: then a month's first day follows a line of 30.6 days a
  // month. Counted from the year 0, in whole turns of 400 years of 146,097 days each.
  let sinceMarch = day + 719_468
  let turn = sinceMarch / 146_097
  let dayOfTurn = sinceMarch % 146_097
  let yearOfTurn = (dayOfTurn - dayOfTurn / 1460 + dayOfTurn / 36_524 - dayOfTurn / 146_096) / 365
  let dayOfYear = dayOfTurn - (365 * yearOfTurn + yearOfTurn / 4 - yearOfTurn / 100)
  let month = (5 * dayOfYear + 2) / 153
  let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
  let year = yearOfTurn + turn * 400 + (month >= 10 ? 1 : 0)

  func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let date = "\(weekdays[Int(day % 7)]), \(padded(dayOfMonth)) \(monthsFromMarch[Int(month)]) \(year)"
  return "\(date) \(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60)) GMT"
}

/// 1970 began on a Thursday.
private let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
private let monthsFromMarch = [
  "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
]
