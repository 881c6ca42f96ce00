import WarrenMachine

/// What waits to be written on a connection. A message that is said to many is there once.
struct PlainOutput {
  private var pieces = Queue<[UInt8]>()
  /// How much of the first was taken.
  private var taken = 0
  /// How many bytes wait.
  private(set) var count = 0
  /// Since when nothing has been taken that could have been; nil where nothing waits.
  private(set) var waitsSince: Instant?

  mutating func append(_ bytes: [UInt8], at now: Instant) {
    guard !bytes.isEmpty else { return }
    pieces.append(bytes)
    count += bytes.count
    if waitsSince == nil { waitsSince = now }
  }

  /// The next bytes, once those taken before have been written; nil where there are none.
  mutating func take(atMost limit: Int, at now: Instant) -> [UInt8]? {
    var result: [UInt8] = []
    while result.count < limit, let first = pieces.first {
      let more = first[taken...].prefix(limit - result.count)
      result += more
      taken += more.count
      guard taken == first.count else { break }
      _ = pieces.popFirst()
      taken = 0
    }
    count -= result.count
    waitsSince = result.isEmpty ? nil : now
    return result.isEmpty ? nil : result
  }
}
