import WarrenMachine

/// Things in the order of their deadlines; those of one instant in the order they were put in.
struct DeadlineQueue<Element: Sendable>: Sendable {
  struct Entry: Sendable {
    var deadline: Instant
    var sequence: UInt64
    var element: Element

    func precedes(_ other: Entry) -> Bool {
      deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
    }
  }

  private var heap: [Entry] = []
  private var sequence: UInt64 = 0

  /// The earliest deadline.
  var earliest: Instant? { heap.first?.deadline }

  mutating func insert(_ element: Element, at deadline: Instant) {
    sequence += 1
    heap.append(Entry(deadline: deadline, sequence: sequence, element: element))
    var place = heap.count - 1
    while place > 0 {
      let parent = (place - 1) / 2
      guard heap[place].precedes(heap[parent]) else { break }
      heap.swapAt(place, parent)
      place = parent
    }
  }

  /// Takes out the earliest if it is due.
  mutating func takeDue(at now: Instant) -> Entry? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var place = 0
    while true {
      var smallest = place
      for child in 2 * place + 1...2 * place + 2 where child < heap.count {
        if heap[child].precedes(heap[smallest]) { smallest = child }
      }
      guard smallest != place else { return first }
      heap.swapAt(place, smallest)
      place = smallest
    }
  }
}
