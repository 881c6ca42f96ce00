/// How often something succeeded, and how long it took.
public struct Spread: Sendable {
  private var times: [Duration] = []
  private var bytes: [Int] = []
  private var failures = 0

  /// Nothing yet.
  public init() {}

  /// Takes one more outcome.
  public mutating func add(_ time: Duration?, bytes count: Int) {
    if let time { times.append(time) } else { failures += 1 }
    bytes.append(count)
  }

  /// How much of all succeeded, from 0 to 1.
  public var success: Double { Double(times.count) / Double(max(1, times.count + failures)) }

  /// The time within which that part of all succeeded; nil if fewer did.
  public func time(_ part: Double) -> Duration? {
    Self.pick(part, of: times.sorted(), among: times.count + failures)
  }

  /// The bytes that sufficed for that part of all.
  public func bytes(_ part: Double) -> Int? { Self.pick(part, of: bytes.sorted(), among: bytes.count) }

  private static func pick<Value>(_ part: Double, of values: [Value], among count: Int) -> Value? {
    let place = min(count - 1, Int(part * Double(count)))
    return values.indices.contains(place) ? values[place] : nil
  }
}
