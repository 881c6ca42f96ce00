import WarrenMachine

/// Packets on their way, in the order in which they arrive; those of one instant in the order they were sent.
struct EventHeap {
  /// Small, since it is moved about: what arrives lies in a slot.
  private struct Entry {
    var time: Int64
    var sequence: UInt64
    var slot: Int32

    static func < (left: Entry, right: Entry) -> Bool {
      left.time == right.time ? left.sequence < right.sequence : left.time < right.time
    }
  }

  private var heap: [Entry] = []
  private var slots: [Arrival?] = []
  private var freeSlots: [Int32] = []
  private var sequence: UInt64 = 0

  var earliest: Instant? { heap.first.map { Instant(nanoseconds: $0.time) } }

  var count: Int { heap.count }

  mutating func add(_ arrival: Arrival, at time: Instant) {
    let slot: Int32
    if let free = freeSlots.popLast() {
      slot = free
      slots[Int(slot)] = arrival
    } else {
      slot = Int32(slots.count)
      slots.append(arrival)
    }
    sequence += 1
    let entry = Entry(time: time.nanoseconds, sequence: sequence, slot: slot)
    var place = heap.count
    heap.append(entry)
    while place > 0 {
      let parent = (place - 1) / 4
      guard entry < heap[parent] else { break }
      heap[place] = heap[parent]
      place = parent
    }
    heap[place] = entry
  }

  /// Takes out the earliest arrival if its time has come.
  mutating func removeFirst(dueAt now: Instant) -> Arrival? {
    guard let first = heap.first, first.time <= now.nanoseconds else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty { siftDown(last) }
    freeSlots.append(first.slot)
    var arrival: Arrival?
    swap(&arrival, &slots[Int(first.slot)])
    return arrival
  }

  private mutating func siftDown(_ entry: Entry) {
    var place = 0
    while true {
      let first = 4 * place + 1
      guard first < heap.count else { break }
      var smallest = first
      for child in first + 1..<max(first + 1, min(first + 4, heap.count)) where heap[child] < heap[smallest] {
        smallest = child
      }
      guard heap[smallest] < entry else { break }
      heap[place] = heap[smallest]
      place = smallest
    }
    heap[place] = entry
  }
}
