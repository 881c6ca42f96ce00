import Warren

/// Gives moments their heights in a drawing: time goes downwards, short times are stretched and long ones pressed, and what happens in
/// one moment is drawn one below the other.
struct SequenceClock {
  /// Something that has a height.
  struct Moment: Hashable, Comparable {
    var time: Instant
    var kind: Kind
    /// In which order moments of one time and kind are drawn.
    var order: Int

    static func < (one: Moment, other: Moment) -> Bool {
      (one.time, one.kind.rawValue, one.order) < (other.time, other.kind.rawValue, other.order)
    }
  }

  /// What happens, in the order in which one leads to the other.
  enum Kind: Int, Hashable {
    case arrival, note, start
    /// The last of several packets begins: it has no label.
    case last

    /// The room that it needs above.
    var room: Double {
      switch self {
      case .arrival: 5
      case .note: 21
      case .start: 14
      case .last: 4
      }
    }
  }

  private var heights: [Moment: Double] = [:]
  /// Where the last one is.
  private(set) var end = 0.0

  /// Points for the square root of a millisecond, and for however long.
  private static let scale = 8.0
  private static let longest = 42.0

  init(_ moments: some Sequence<Moment>) {
    var previous: Moment?
    for moment in Set(moments).sorted() {
      if let previous {
        let pause = previous.time.duration(to: moment.time).inMilliseconds
        end += max(moment.kind.room, min(Self.longest, Self.scale * pause.squareRoot()))
      }
      heights[moment] = end
      previous = moment
    }
  }

  subscript(_ moment: Moment) -> Double { heights[moment] ?? end }
}
