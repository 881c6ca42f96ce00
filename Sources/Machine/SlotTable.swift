/// Values under numbers that are used again: what comes and goes all the time, and is found without hashing.
struct SlotTable<Value> {
  private struct Entry {
    var age: UInt64
    var value: Value
  }

  private var entries: [Entry?] = []
  private var free: [Int] = []
  private var count: UInt64 = 0

  /// All values, oldest first.
  var oldestFirst: [Value] {
    entries.compactMap(\.self).sorted { $0.age < $1.age }.map(\.value)
  }

  /// - Returns: the number under which it is from now on.
  mutating func add(_ value: Value) -> Int {
    count += 1
    let entry = Entry(age: count, value: value)
    if let slot = free.popLast() {
      entries[slot] = entry
      return slot
    }
    entries.append(entry)
    return entries.count - 1
  }

  /// - Returns: what was there, of which the number is free now.
  mutating func remove(_ slot: Int) -> Value? {
    guard let entry = entries[slot] else { return nil }
    entries[slot] = nil
    free.append(slot)
    return entry.value
  }
}
