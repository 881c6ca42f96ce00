/// How much of everything the plain protocol has, and why. Where the original has a figure, it is that one.
public enum PlainLimits {
  // MARK: The original's

  /// Connections at a time.
  public static let peers = 10
  /// How often each is asked whether it is there.
  public static let pingInterval: Duration = .seconds(15)
  /// How often each is asked whom it knows.
  public static let discoveryInterval: Duration = .seconds(30)
  /// After how long without a word somebody is taken for dead.
  public static let peerTimeout: Duration = .seconds(60)
  /// How long opening a connection may take, and who one is to be said.
  public static let connectTimeout: Duration = .seconds(10)
  /// A message of bytes.
  public static let messageBytes = 16 << 20
  /// How often somebody who was named at the beginning is tried, and how long after the first time; it doubles.
  public static let bootstrapTries = 5
  public static let bootstrapPause: Duration = .seconds(1)

  // MARK: What is read

  /// A line: the original has no limit, and people type no longer ones.
  public static let lineBytes = 64 * 1024
  /// The line that says who somebody is: whoever connects can have us keep so much.
  public static let greetingBytes = 1024
  /// An identity or a name of our own; the original's identities have 32.
  public static let nameBytes = 64
  /// What is read at a time.
  public static let readBytes = 64 * 1024
  /// Addresses that are taken from one list: six times as many as the original knows peers.
  public static let listedPeers = 64

  // MARK: Getting to know each other

  /// How long it is waited for the line that says where the other side listens: the original sends it at once, and who types never.
  public static let listenPatience: Duration = .milliseconds(500)
  /// How long whoever dials this one while this one may be dialling it waits for an answer. The side with the lesser identity
  /// keeps its own call and can wait, as long as the other one's time for connecting lasts; the other side only waits for
  /// nodes of the original, which take the first call that comes.
  public static let longCrossing: Duration = .seconds(5)
  public static let shortCrossing: Duration = .milliseconds(500)
  /// How long somebody who was turned away may take to hear it; and how long what was said last may take when all is over.
  public static let farewell: Duration = .seconds(1)
  /// Connections whose other side has not said who it is: the oldest goes when there are more.
  public static let strangers = 32
  /// How long after an error connections are accepted again.
  public static let acceptPause: Duration = .milliseconds(100)

  // MARK: What is said

  /// How much may wait for one before who speaks waits, and before what it asks is not answered any more.
  public static let window = 1 << 20
  /// After how long without taking a piece of what waits for it somebody is not waited for any more, while others are there.
  public static let stall: Duration = .seconds(2)
  /// What may wait for one, in messages of the largest size, before it is taken for too slow.
  public static let waitingMessages = 2

  // MARK: Addresses

  /// Addresses that are known: anybody can name some.
  public static let addresses = 256
  /// Tries to connect at a time, as many as the original makes at once.
  public static let dials = 3
  /// How long after it has heard of somebody a node waits at most, so that not two dial each other.
  public static let dialJitter: Duration = .milliseconds(200)
  /// The longest time between two tries.
  public static let lastRetry: Duration = .seconds(480)
}
