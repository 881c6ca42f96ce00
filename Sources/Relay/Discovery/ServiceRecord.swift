/// Where a service is, as its domain says (RFC 2782).
struct ServiceRecord: Hashable, Sendable {
  /// The lowest is asked first.
  var priority: UInt16
  /// How often it comes before others of its priority.
  var weight: UInt16
  var port: UInt16
  var target: DNSName
}

extension [ServiceRecord] {
  /// In the order in which they are to be asked: the lowest priority first, and of one priority by chance, as their weights say.
  func inOrder(using random: inout some RandomNumberGenerator) -> [ServiceRecord] {
    var ordered: [ServiceRecord] = []
    for priority in Set(map(\.priority)).sorted() {
      // Those without weight stand in front, and so have a small chance.
      let equal = filter { $0.priority == priority }
      var rest = equal.filter { $0.weight == 0 } + equal.filter { $0.weight > 0 }
      while !rest.isEmpty {
        var left = Int.random(in: 0...rest.reduce(0) { $0 + Int($1.weight) }, using: &random)
        let place = rest.firstIndex { record in
          left -= Int(record.weight)
          return left <= 0
        }
        ordered.append(rest.remove(at: place ?? 0))
      }
    }
    return ordered
  }
}
