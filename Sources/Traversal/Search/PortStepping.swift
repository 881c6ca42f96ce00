/// The ports to try where both sides count: each packet of a side moves its own port as well.
///
/// Let the counters be off by x and y from what was expected. One side tries the other's ports one by one, so that
/// its k-th packet goes to where the other's packet k - y comes from. The other tries every second: its m-th goes to
/// where packet 2m - x of the first comes from. They meet at m = x + y. As m grows by one and x + y seldom does, that
/// comes, and cannot be jumped over, as long as others behind both NATs open fewer mappings than these two.
///
/// What was lost is sent again, from the same port to the same port: after ``repeats`` further packets.
struct PortStepping: Sendable {
  /// After how many further packets one is sent again: after 40 ms, and after 150 ms, so that both have come by.
  private static let repeats = [8, 30]

  private let counter: PortCounter
  private let stride: Int
  private var place = 0

  /// Tries the ports of a counter; every `stride`-th.
  init(_ counter: PortCounter, stride: Int) {
    self.counter = counter
    self.stride = stride
  }

  /// What is sent at once, at each step: a new port, and those that are due again.
  mutating func next() -> [UInt16] {
    defer { place += 1 }
    return ([0] + Self.repeats).filter { $0 <= place }.map { back in
      counter.range.port(counter.step * (1 + stride * (place - back)), from: counter.latest)
    }
  }
}
