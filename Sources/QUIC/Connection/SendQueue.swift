/// Streams with something to send: of those with the highest priority, one after the other.
struct SendQueue {
  /// Streams of one priority, in the order in which their turns come.
  private struct Rank {
    let priority: Int
    var streams: [StreamCore] = []
    var first = 0

    var isEmpty: Bool { first == streams.count }

    mutating func removeFirst() -> StreamCore {
      let stream = streams[first]
      first += 1
      if first == streams.count {
        streams.removeAll(keepingCapacity: true)
        first = 0
      } else if first >= 64, first * 2 > streams.count {
        streams.removeFirst(first)
        first = 0
      }
      return stream
    }
  }

  /// The highest first.
  private var ranks: [Rank] = []

  var isEmpty: Bool { ranks.allSatisfy(\.isEmpty) }

  /// Whether there is one stream and no other.
  var isSingle: Bool { ranks.count == 1 && ranks[0].first + 1 == ranks[0].streams.count }

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
    for rank in ranks where !rank.isEmpty { return rank.streams[rank.first] }
    return nil
  }

  /// Takes out whose turn it is.
  mutating func removeFirst() {
    for place in ranks.indices where !ranks[place].isEmpty {
      _ = ranks[place].removeFirst()
      if ranks[place].isEmpty, ranks.count > 1 { ranks.remove(at: place) }
      return
    }
  }
}
