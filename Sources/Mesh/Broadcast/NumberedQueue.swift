/// First in, first out, each under its number. What is taken out is let go of at once, since it may be large.
struct NumberedQueue<Element> {
  private var elements: [Element?] = []
  /// How many at the beginning have been taken out already.
  private var gone = 0
  /// The number of what comes out next.
  private(set) var first: UInt64

  init(from first: UInt64 = 1) { self.first = first }

  var count: Int { elements.count - gone }
  var isEmpty: Bool { count == 0 }
  /// The number of what is put in next.
  var next: UInt64 { first + UInt64(count) }

  /// Nil for what is not there any more, or not yet.
  subscript(number: UInt64) -> Element? {
    number >= first && number < next ? elements[gone + Int(number - first)] : nil
  }

  mutating func change(_ number: UInt64, _ body: (inout Element) -> Void) {
    guard number >= first, number < next else { return }
    body(&elements[gone + Int(number - first)]!)
  }

  mutating func append(_ element: Element) { elements.append(element) }

  @discardableResult
  mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[gone]
    elements[gone] = nil
    gone += 1
    first += 1
    if gone >= 32, gone * 2 > elements.count {
      elements.removeFirst(gone)
      gone = 0
    }
    return element
  }

  /// Empties it: what is put in next has this number.
  mutating func restart(at number: UInt64) {
    elements = []
    gone = 0
    first = number
  }

  /// Counts from here: what is in it has other numbers from now on.
  mutating func renumber(from number: UInt64) { first = number }
}
