import WarrenSimulator

/// How a machine hangs on its network, in both directions.
public struct LinkPair: Hashable, Sendable {
  /// Towards the network.
  public var up: LinkConfiguration
  /// Towards the machine.
  public var down: LinkConfiguration

  /// A link of these.
  public init(up: LinkConfiguration, down: LinkConfiguration) { (self.up, self.down) = (up, down) }

  /// A link that is the same in both directions.
  public init(_ both: LinkConfiguration) { (up, down) = (both, both) }

  /// A cable within a house.
  public static let lan = make(.microseconds(200), up: 1_000, down: 1_000)
  /// A radio that others use as well.
  public static let wifi = make(.milliseconds(3), jitter: .milliseconds(4), loss: 0.002, up: 60, down: 60)
  /// A telephone line: slow upwards, with a long queue.
  public static let dsl = make(.milliseconds(9), jitter: .milliseconds(1), up: 10, down: 50)
  /// A mobile network.
  public static let lte = make(.milliseconds(22), jitter: .milliseconds(15), loss: 0.002, up: 10, down: 40)
  /// A satellite that stands still, 36,000 km away.
  public static let satellite = make(
    .milliseconds(280), jitter: .milliseconds(8), loss: 0.005, up: 3, down: 20)
  /// The other side of an ocean.
  public static let transatlantic = make(.milliseconds(45), jitter: .milliseconds(1), up: 1_000, down: 1_000)
  /// Half of the usual way between two machines here, which loses nothing.
  public static let access = LinkPair(.access)

  /// Those that have a name.
  public static let named: [(name: String, link: LinkPair)] = [
    ("access", access), ("lan", lan), ("wifi", wifi), ("dsl", dsl), ("lte", lte), ("satellite", satellite),
    ("transatlantic", transatlantic),
  ]

  private static func make(
    _ latency: Duration, jitter: Duration = .zero, loss: Double = 0, up: Int, down: Int
  ) -> LinkPair {
    var link = LinkConfiguration(latency: latency)
    (link.jitter, link.loss) = (jitter, loss)
    var pair = LinkPair(link)
    (pair.up.bitsPerSecond, pair.down.bitsPerSecond) = (up * 1_000_000, down * 1_000_000)
    return pair
  }
}
