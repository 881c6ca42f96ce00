/// What became of a packet, without what is left to chance.
struct Outcome: Hashable, Sendable, CustomStringConvertible {
  struct Arrival: Hashable, Sendable {
    var at: Player
    var from: Source
  }

  /// Where a packet seems to come from.
  enum Source: Hashable, Sendable {
    /// From its sender itself.
    case itself
    /// From where this flow came before.
    case again
    /// From the outside port that is the inside port, for the first time.
    case kept
    /// From where another flow of the same socket comes: that which was its first, second, … (from 0).
    case shared(flow: Int)
    /// From another outside port.
    case new
    /// From a port that is left to chance.
    case drawn
    /// From an address that is neither its sender's nor the box's.
    case foreign
  }

  var arrivals: [Arrival]
  var isRefused: Bool

  var description: String {
    let words = arrivals.map { "at \($0.at), \($0.from)" } + (isRefused ? ["refused"] : [])
    return words.isEmpty ? "nothing" : words.joined(separator: "; ")
  }
}
