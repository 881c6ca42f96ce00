/// What a way does to the datagrams that take it.
public struct Weather: Hashable, Sendable, CustomStringConvertible {
  /// What it is called.
  public var name: String
  /// The probability that a datagram is lost.
  public var loss = 0.0
  /// The probability that it arrives twice.
  public var duplication = 0.0
  /// The probability that one of its bits is another when it arrives.
  public var corruption = 0.0
  /// The probability that it is held back, and overtaken by those behind it.
  public var reordering = 0.0
  /// How long it is held back at most.
  public var longestDelay: Duration = .milliseconds(5)
  /// How many bytes a datagram may carry; a larger one is lost, and nobody says so.
  public var largestPayload = Int.max

  /// How many it may carry from the middle of a transfer on, where that is another number.
  public var largestPayloadLater: Int?
  /// Whether the client's NAT forgets it in the middle, and gives it another port.
  public var rebinds = false
  /// Whether the client itself goes on from another port in the middle.
  public var migrates = false
  /// Whether nothing passes any more from the middle on.
  public var vanishes = false

  /// A clear sky, but for this.
  public init(_ name: String, _ change: (inout Weather) -> Void = { _ in }) {
    self.name = name
    change(&self)
  }

  public var description: String { name }

  /// Whether a datagram may get lost.
  public var loses: Bool {
    loss > 0 || corruption > 0 || largestPayloadLater != nil || rebinds || vanishes
  }
}

extension Weather {
  public static let clean = Weather("clean")
  public static let lossy = Weather("2 % loss") { $0.loss = 0.02 }
  public static let veryLossy = Weather("20 % loss") { $0.loss = 0.2 }
  public static let reordering = Weather("reordering") { $0.reordering = 0.1 }
  public static let duplication = Weather("duplication") { $0.duplication = 0.1 }
  public static let corruption = Weather("corruption") { $0.corruption = 0.02 }
  public static let everything = Weather("everything") {
    $0.loss = 0.05
    $0.duplication = 0.05
    $0.corruption = 0.02
    $0.reordering = 0.1
  }
  /// First as much as Ethernet carries, then little more than what every path of QUIC must.
  public static let shrinking = Weather("shrinking") { $0.largestPayloadLater = 1250 }
  public static let rebinding = Weather("rebinding") { $0.rebinds = true }
  public static let migrating = Weather("migrating") { $0.migrates = true }
  public static let vanishing = Weather("vanishing") { $0.vanishes = true }

  /// Every kind there is.
  public static let all = [
    clean, lossy, veryLossy, reordering, duplication, corruption, everything, shrinking, rebinding,
    migrating, vanishing,
  ]
}
