import WarrenMachine

/// Allocations in the order in which they end: a heap that knows where each stands.
struct RelayDeadlines {
  private struct Entry {
    var deadline: Instant
    var slot: Int
  }

  private var heap: [Entry] = []
  /// Where each slot stands; -1 where it does not.
  private var places: [Int] = []

  var earliest: (deadline: Instant, slot: Int)? { heap.first.map { ($0.deadline, $0.slot) } }

  /// Sets, moves or, where it is nil, forgets a slot's deadline.
  mutating func set(_ slot: Int, to deadline: Instant?) {
    while places.count <= slot { places.append(-1) }
    guard let deadline else { return remove(slot) }
    if places[slot] < 0 {
      places[slot] = heap.count
      heap.append(Entry(deadline: deadline, slot: slot))
    }
    heap[places[slot]].deadline = deadline
    settle(places[slot])
  }

  private mutating func remove(_ slot: Int) {
    let place = places[slot]
    guard place >= 0 else { return }
    places[slot] = -1
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    places[last.slot] = place
    settle(place)
  }

  private mutating func settle(_ start: Int) {
    var place = start
    while place > 0, heap[place].deadline < heap[(place - 1) / 2].deadline {
      swap(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].deadline < heap[least].deadline {
        least = child
      }
      guard least != place else { return }
      swap(place, least)
      place = least
    }
  }

  private mutating func swap(_ one: Int, _ other: Int) {
    heap.swapAt(one, other)
    places[heap[one].slot] = one
    places[heap[other].slot] = other
  }
}
