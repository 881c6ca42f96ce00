/// The limits of modelling and searching ports, each with its reason.
public enum SearchLimits {
  /// Samples that a model is fitted from at most: 12 are asked for, the rest are room for repeated ones.
  public static let samples = 32
  /// Samples taken in one go, from so many sockets: what happens in between others' mappings does not blur.
  public static let samplesPerBurst = 4
  /// With so many samples the lost ones are not asked for again: two bursts.
  public static let enoughSamples = 8
  /// How far apart bursts of samples are: at 35 mappings a second others open one or two meanwhile.
  public static let burstSpacing: Duration = .milliseconds(50)
  /// Samples closer than this are of one burst: a rate of others' mappings cannot be read from so short a time.
  public static let burstSeconds = 0.005
  /// Largest step of a counter that is looked for: those seen are 1, 2 and a few more; a large one fits chance.
  public static let largestStep = 512
  /// Mappings of others in a second with which a counter is still one: above it, what comes next cannot be foreseen.
  public static let foreignRate = 200.0
  /// Outside addresses that a model tells apart: a carrier gives a customer one, seldom two.
  public static let outsideAddresses = 2
  /// Rules that a model keeps, by weight: the seventh has never been worth its bytes in a signal.
  public static let rules = 6
  /// A rule below this share of the weight is forgotten: it would send less than one probe in a hundred.
  public static let leastShare = 0.01
  /// How many steps ahead a counter is searched on the first pass; each pass looks four times as far.
  public static let firstWindow = 64
  /// How often a sequence begins anew, wider each time; the last pass has every port.
  public static let passes = 4

  /// Packets a second that a plan may ask for, each way: above it home routers' tables and uplinks suffer.
  public static let rate = 5000
  /// Sockets that a plan may ask for: half of the 1,024 descriptors that a process has by default.
  public static let sockets = 512
  /// Packets that a plan may ask for, each way: two rounds of every port, for which somebody must have asked.
  public static let packets = 131_072
  /// How long a search may take: what is not found in two minutes has had every port and more.
  public static let duration: Duration = .seconds(120)
  /// What a packet of a search weighs: 20 bytes of payload, 8 of UDP and 20 of IPv4 header.
  public static let packetBytes = 48
  /// How late packets of a search may be and still all be sent at once: a timer's and a busy loop's grain.
  public static let lag: Duration = .milliseconds(20)
  /// For how long who opens a port that is foreseen sends what dies on the way: by then the other side has sent to all that are likely.
  public static let hush: Duration = .milliseconds(600)
  /// How far apart packets are where a side's own port moves with each: at 200 a second, two NATs behind which others
  /// open up to 100 a second together still go forward more by our packets than by theirs.
  public static let steppingInterval: Duration = .milliseconds(5)
  /// How often a search for ports that can be foreseen is begun, each time with fresh samples: one that others' mappings
  /// have spoilt costs little and seldom fails twice.
  public static let rounds: UInt8 = 4
  /// How often a search among many ports is begun: it costs up to 120 kB, and is in vain once in some thousand times.
  public static let birthdayRounds: UInt8 = 2
  /// How often every port is tried, by those who have asked for it: it finds a way 63 times in 100, and three times 95.
  public static let exhaustiveRounds: UInt8 = 3
}
