/// Elements in an array, whose places are used again once they are empty.
struct Slots<Element: Sendable>: Sendable {
  /// The elements; what stands in an empty place means nothing.
  var elements: [Element] = []
  private var free: [Int] = []

  /// How many places are taken.
  var count: Int { elements.count - free.count }

  mutating func insert(_ element: Element) -> Int {
    guard let slot = free.popLast() else {
      elements.append(element)
      return elements.count - 1
    }
    elements[slot] = element
    return slot
  }

  mutating func remove(_ slot: Int) { free.append(slot) }
}
