/// Lines in bytes that come piece by piece. What is longer than a line may be comes in pieces.
package struct LineSplitter {
  private let limit: Int
  private var rest: [UInt8] = []
  private var lines: ArraySlice<[UInt8]> = []

  /// - Parameter limit: how long a line may be, in bytes.
  package init(limit: Int = TerminalLimits.lineBytes) { self.limit = limit }

  /// Takes bytes of which the lines are then asked for.
  package mutating func take(_ bytes: some Collection<UInt8>) {
    var bytes = bytes[...]
    while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
      add(bytes[..<end])
      endLine()
      bytes = bytes[bytes.index(after: end)...]
    }
    add(bytes)
  }

  /// The next line that is whole.
  package mutating func next() -> String? { lines.popFirst().map { String(decoding: $0, as: UTF8.self) } }

  /// What stands behind the last line's end, where nothing comes any more.
  package mutating func takeRest() -> String? {
    guard !rest.isEmpty else { return nil }
    defer { rest = [] }
    return String(decoding: rest, as: UTF8.self)
  }

  private mutating func add(_ bytes: some Collection<UInt8>) {
    var bytes = bytes[...]
    while rest.count + bytes.count > limit {
      let room = limit - rest.count
      rest += bytes.prefix(room)
      bytes = bytes.dropFirst(room)
      endLine()
    }
    rest += bytes
  }

  private mutating func endLine() {
    lines.append(rest)
    rest = []
  }
}
