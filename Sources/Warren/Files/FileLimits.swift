/// The limits of file transfers, each with its reason.
public enum FileLimits {
  /// What goes at once between disk, hash and network, and after which what has come is verified: large enough that hops between
  /// threads do not matter, small enough that two of them a transfer are nothing.
  public static let blockBytes = 262_144
  /// Files and folders of one transfer: they are known as a whole before it begins. Who has more packs them first.
  public static let entries = 65_536
  /// What a list of them has in bytes: some 60 each at most of these.
  public static let manifestBytes = 4_194_304
  /// What all lists from one peer, and from all, have at once.
  public static let manifestBytesOfPeer = 16_777_216
  public static let manifestBytesOfAll = 67_108_864
  /// Streams of one peer that something is to be received by, and of all: those that wait, and those on which bytes move.
  static let streamsOfPeer = 64
  static let streamsOfAll = 512
  /// Transfers that are known of one peer, and of all, those among them that wait for their senders to come back.
  static let transfersOfPeer = 64
  static let transfersOfAll = 512
  /// For how long an offer that nobody has accepted is kept when its sender is away: a few of its tries.
  static let absence: Duration = .seconds(120)
  /// How deep folders are in each other: each that leads to a file is opened on the way.
  public static let depth = 64
  /// What any other word has in bytes.
  static let wordBytes = 1_024
  /// What is said of why, of that.
  static let reasonBytes = 512
  /// A name of a file leaves room for `.part` behind it (``MachineLimits/nameBytes``).
  public static let nameBytes = 250
  /// What stands behind the last point of a name is kept when it is too long, if it has no more bytes than this.
  static let extensionBytes = 20
  /// Names that are tried, ` (1)` and so on, before there is none.
  static let namesTried = 10_000
  /// Blocks that are under way at most whose hash is remembered, so that none of a file is read again to go on: more than any window
  /// of QUIC's has.
  static let marks = 256
  /// How long whoever opens a stream may take to say what it is about.
  static let offerPatience: Duration = .seconds(30)
  /// How long whoever has said its last waits at most for the other side to have heard it: some round trips.
  static let farewell: Duration = .seconds(5)
  /// How often progress is told at most: what somebody who looks at it can see.
  static let progressPause: Duration = .milliseconds(100)
  /// How long it waits before it tries to go on, first and at last.
  static let firstPause: Duration = .milliseconds(200)
  static let lastPause: Duration = .seconds(30)
  /// Transfers whose end is remembered: whoever did not hear of it asks again soon.
  static let rememberedEnds = 1_024
  /// Transfers that have begun by themselves and that nobody has looked at.
  static let waitingTransfers = 1_024
  /// What a note beside a part of a file has in bytes: two names and a path (`PATH_MAX`), and some numbers.
  static let noteBytes = 8_192
}
