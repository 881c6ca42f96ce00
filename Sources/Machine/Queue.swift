/// First in, first out. Taking out is as cheap as putting in.
public struct Queue<Element> {
  @usableFromInline var elements: [Element] = []
  /// How many at the beginning have been taken out already.
  @usableFromInline var taken = 0

  /// An empty queue.
  @inlinable public init() {}

  @inlinable public var count: Int { elements.count - taken }
  @inlinable public var isEmpty: Bool { elements.count == taken }
  /// What comes out next.
  @inlinable public var first: Element? { isEmpty ? nil : elements[taken] }

  @inlinable public mutating func append(_ element: Element) { elements.append(element) }

  /// Takes out what has waited longest.
  @inlinable public mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[taken]
    taken += 1
    if isEmpty {
      removeAll()
    } else if taken >= 32, taken * 2 > elements.count {
      elements.removeFirst(taken)
      taken = 0
    }
    return element
  }

  /// Empties it; its memory is kept for what comes next.
  @inlinable public mutating func removeAll() {
    elements.removeAll(keepingCapacity: true)
    taken = 0
  }
}

extension Queue: Sendable where Element: Sendable {}
