/// How a link carries packets, in one direction.
public struct LinkConfiguration: Hashable, Sendable {
  /// How long a packet takes at least.
  public var latency: Duration
  /// How much longer it takes at most; packets stay in order all the same.
  public var jitter: Duration = .zero
  /// The probability that a packet is lost, each for itself.
  public var loss = 0.0
  /// Losses that come in bursts.
  public var burstLoss: BurstLoss?
  /// The probability that a packet is held up and overtaken by those behind it.
  public var reordering = 0.0
  /// How long a packet that is overtaken is held up.
  public var reorderingDelay: Duration = .milliseconds(5)
  /// The probability that a packet arrives twice.
  public var duplication = 0.0
  /// The probability that a byte of a packet arrives as another, and its checksum fits: what a bad router may do to UDP. A TCP segment is
  /// lost then.
  public var corruption = 0.0
  /// How much it carries; nil for as much as one likes.
  public var bitsPerSecond: Int?
  /// How many bytes wait before a link that is busy; what comes when it is full is lost.
  public var queueBytes = 256 * 1024
  /// The largest IP packet it carries, in bytes.
  public var mtu = 1500
  /// Whether it carries anything at all.
  public var isUp = true

  /// A link that loses nothing.
  public init(latency: Duration = .zero) {
    self.latency = latency
  }

  /// A cable within a house: nothing is lost, and no time with it.
  public static let ideal = LinkConfiguration()
  /// The usual way to the internet here: half of 25 ms, so that two machines are 25 ms apart one way.
  public static let access = LinkConfiguration(latency: .microseconds(12_500))

  /// Losses in bursts, as Gilbert and Elliott describe them: a good and a bad state, changed at each packet.
  public struct BurstLoss: Hashable, Sendable {
    /// The probability that a burst begins with a packet.
    public var begins: Double
    /// The probability that a burst ends with a packet.
    public var ends: Double
    /// The probability that a packet is lost in a burst.
    public var loss: Double

    /// Bursts.
    public init(begins: Double, ends: Double, loss: Double = 1) {
      self.begins = begins
      self.ends = ends
      self.loss = loss
    }
  }

  /// Whether it does nothing to a packet: then there is nothing to compute either.
  var isIdeal: Bool {
    latency == .zero && jitter == .zero && loss == 0 && burstLoss == nil && reordering == 0
      && duplication == 0 && corruption == 0 && bitsPerSecond == nil && isUp
  }
}
