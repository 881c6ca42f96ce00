import WarrenMachine

/// Streams with something to send: of those with the highest priority, one after the other.
struct SendQueue {
  /// Streams of one priority, in the order in which their turns come.
  private struct Rank {
    let priority: Int
    var streams = Queue<StreamCore>()
  }

  /// The highest first.
  private var ranks: [Rank] = []

  var isEmpty: Bool { ranks.allSatisfy(\.streams.isEmpty) }

  /// Whether there is one stream and no other.
  var isSingle: Bool { ranks.count == 1 && ranks[0].streams.count == 1 }

  /// Puts a stream at the end of its rank.
  mutating func append(_ stream: StreamCore) {
    var place = 0
    while place < ranks.count, ranks[place].priority > stream.priority { place += 1 }
    if place == ranks.count || ranks[place].priority != stream.priority {
      ranks.insert(Rank(priority: stream.priority), at: place)
    }
    ranks[place].streams.append(stream)
  }

  /// Whose turn it is.
  var first: StreamCore? {
    for rank in ranks { if let stream = rank.streams.first { return stream } }
    return nil
  }

  /// Takes out whose turn it is.
  mutating func removeFirst() {
    for place in ranks.indices where ranks[place].streams.popFirst() != nil {
      if ranks[place].streams.isEmpty, ranks.count > 1 { ranks.remove(at: place) }
      return
    }
  }
}
