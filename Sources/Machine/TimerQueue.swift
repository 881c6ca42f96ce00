/// Timers in the order of their deadlines; those of one instant in the order they were set.
package final class TimerQueue {
  /// Moved about in the heap, and so without its timer, whose references would be counted each time.
  private struct Entry {
    var deadline: Instant
    var sequence: UInt64
    var slot: Int

    static func < (left: Entry, right: Entry) -> Bool {
      left.deadline == right.deadline ? left.sequence < right.sequence : left.deadline < right.deadline
    }
  }

  /// A heap of four children each: half as deep as a binary one, and its children share a cache line.
  private var heap: [Entry] = []
  /// The timers that are set, and where each stands in the heap.
  private var timers: [MachineTimer?] = []
  private var places: [Int] = []
  private var freeSlots: [Int] = []
  private var sequence: UInt64 = 0
  /// When timers were last fired. What is set for earlier is due then, behind those that have waited for it.
  private var lastFired = Instant(nanoseconds: .min)
  /// Called when the earliest deadline has become earlier.
  package var onEarlierDeadline: (() -> Void)?

  package init() {}

  /// A timer of this queue, for a machine whose clock is `offset` ahead of the queue's, if it has one of its own.
  package func makeTimer(
    of owner: AnyObject? = nil, offset: ClockOffset? = nil, _ fire: @escaping () -> Void
  ) -> MachineTimer {
    MachineTimer(queue: self, owner: owner, offset: offset, fire: fire)
  }

  /// The earliest deadline.
  package var earliest: Instant? { heap.first?.deadline }

  /// How many timers are set.
  package var count: Int { heap.count }

  /// Fires the earliest timer if it is due.
  ///
  /// - Returns: whether one was due.
  package func fireNext(at now: Instant) -> Bool {
    lastFired = now
    guard let first = heap.first, first.deadline <= now, let timer = timers[first.slot] else { return false }
    cancel(timer)
    timer.fire()
    return true
  }

  /// Fires what is due. What is set while these fire waits for the next call, however early it is set for.
  package func fireDue(at now: Instant) {
    let last = sequence
    while let first = heap.first, first.deadline <= now, first.sequence <= last { _ = fireNext(at: now) }
  }

  /// Has every timer that was made for `owner` fire so much later, in their order.
  package func holdUp(_ owner: AnyObject, for time: Duration) {
    for entry in heap.sorted(by: <) {
      guard let timer = timers[entry.slot], timer.belongs(to: owner) else { continue }
      schedule(timer, at: entry.deadline.advanced(by: time))
    }
  }

  /// Cancels every timer that was made for `owner`.
  package func cancelAll(of owner: AnyObject) {
    for timer in timers.compactMap(\.self) where timer.belongs(to: owner) { cancel(timer) }
  }

  /// Forgets all timers: none of them fires any more.
  package func removeAll() {
    for timer in timers { timer?.slot = nil }
    (heap, timers, places, freeSlots) = ([], [], [], [])
  }

  func schedule(_ timer: MachineTimer, at deadline: Instant) {
    let deadline = max(deadline, lastFired)
    let before = earliest
    if let slot = timer.slot {
      // Most are set anew after each packet, for the same time.
      if heap[places[slot]].deadline == deadline { return }
      sequence += 1
      replace(places[slot], with: Entry(deadline: deadline, sequence: sequence, slot: slot))
    } else {
      let slot = slot(for: timer)
      sequence += 1
      let entry = Entry(deadline: deadline, sequence: sequence, slot: slot)
      heap.append(entry)
      siftUp(entry, from: heap.count - 1)
    }
    if let onEarlierDeadline, before.map({ deadline < $0 }) ?? true { onEarlierDeadline() }
  }

  private func slot(for timer: MachineTimer) -> Int {
    let slot = freeSlots.popLast() ?? timers.count
    if slot == timers.count {
      timers.append(timer)
      places.append(0)
    } else {
      timers[slot] = timer
    }
    timer.slot = slot
    return slot
  }

  func cancel(_ timer: MachineTimer) {
    guard let slot = timer.slot else { return }
    timer.slot = nil
    timers[slot] = nil
    freeSlots.append(slot)
    let place = places[slot]
    let last = heap.removeLast()
    if place < heap.count { replace(place, with: last) }
  }

  private func replace(_ place: Int, with entry: Entry) {
    if place > 0, entry < heap[(place - 1) / 4] {
      siftUp(entry, from: place)
    } else {
      siftDown(entry, from: place)
    }
  }

  private func siftUp(_ entry: Entry, from start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 4
      guard entry < heap[parent] else { break }
      put(heap[parent], at: place)
      place = parent
    }
    put(entry, at: place)
  }

  private func siftDown(_ entry: Entry, from start: Int) {
    var place = start
    while true {
      let first = 4 * place + 1
      let children = first..<max(first, min(first + 4, heap.count))
      guard var smallest = children.first else { break }
      for child in children.dropFirst() where heap[child] < heap[smallest] { smallest = child }
      guard heap[smallest] < entry else { break }
      put(heap[smallest], at: place)
      place = smallest
    }
    put(entry, at: place)
  }

  private func put(_ entry: Entry, at place: Int) {
    heap[place] = entry
    places[entry.slot] = place
  }
}
