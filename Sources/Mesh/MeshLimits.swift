/// How much of everything a mesh has, and why.
public enum MeshLimits {
  // MARK: Who

  /// A name in bytes: it is in every record that is passed on.
  public static let nameBytes = 64
  /// Addresses of a member: it has few interfaces, and the record has to fit into a packet.
  public static let addresses = 8
  /// Members that are known: each costs half a kilobyte, and each is told of all.
  public static let members = 4096
  /// How long somebody is remembered who is gone: as long as what it has said may still come from somewhere.
  public static let memory: Duration = .seconds(3600)

  // MARK: Asking whether somebody is there

  /// How often those are asked whom one looks after.
  public static let round: Duration = .seconds(1)
  /// After how long without an answer others are asked to ask, where nothing is known of the way; twice the round trip where it is.
  public static let unknownAnswer: Duration = .milliseconds(400)
  public static let shortestAnswer: Duration = .milliseconds(200)
  /// After how long somebody is suspect.
  public static let patience: Duration = .seconds(1)
  /// How many are looked after: so many have to be deceived before somebody is taken for dead.
  public static let watched = 4
  /// How many are asked to ask.
  public static let helpers = 3
  /// How often a suspect is asked.
  public static let urgentPause: Duration = .milliseconds(250)
  /// How long somebody is suspect at least and at most, in a mesh of ten: the more are, the longer it takes until its word has
  /// come round. Others that suspect the same shorten it.
  public static let shortestSuspicion: Duration = .milliseconds(900)
  public static let longestSuspicion: Duration = .milliseconds(3600)
  /// How many others shorten it.
  public static let confirmations = 2
  /// Who was late by more has slept, and cannot say who was silent meanwhile.
  public static let ownPause: Duration = .milliseconds(750)
  /// Questions passed on for others that are under way: a mesh of forged ones costs no more.
  public static let errands = 256

  // MARK: Passing on

  /// A packet: it has to fit into a datagram of QUIC on the narrowest path.
  public static let packetBytes = 1_000
  /// How often news is passed on, and to how many each time.
  public static let gossipPause: Duration = .milliseconds(200)
  public static let gossipPeers = 3
  /// How often each is passed on, times the digits of the number of members (SWIM's λ).
  public static let gossipTimes = 4
  /// Where there is more news than this, each is passed on less often: what is missed then, a comparison finds.
  public static let muchNews = 64
  public static let fewestTimes = 3
  /// How often two compare what they know, and how often while there is news.
  public static let comparison: Duration = .seconds(10)
  public static let unsettledComparison: Duration = .seconds(1)
  /// Entries in one message of a comparison, and bytes of what is told then.
  public static let summaryEntries = members
  /// Who asks for a comparison sooner has to wait.
  public static let comparisonPause: Duration = .milliseconds(500)
  public static let rumourBytes = 32 * 1024

  // MARK: Neighbours

  /// Up to how many members each is connected with all; it is left only at a quarter less, so that it does not flap.
  public static let fullMesh = 32
  /// Of how many rings each is part beyond that: two neighbours in each. Two make it hold together; with four it is five steps
  /// across at 500.
  public static let rings = 4
  /// Whoever is not let in, there being enough, is told of so many others.
  public static let introduced = 8
  /// Tries to connect at a time.
  public static let dials = 8
  /// The other one of two is to dial: if it has not after so long, this one does.
  public static let yielding: Duration = .seconds(2)
  /// How often those who were named at the beginning are looked for although somebody is there: a mesh may have been cut for so long
  /// that its parts have forgotten each other.
  public static let reunion: Duration = .seconds(60)
  /// The same for the first time where a registry lists them: of those that begin at once some find each other, and others each other.
  /// Each time it is four times as long.
  public static let firstReunion: Duration = .seconds(2)
  /// Between tries to reach the same one.
  public static let firstRetry: Duration = .milliseconds(500)
  public static let lastRetry: Duration = .seconds(60)
  /// A connection that has lived for less was none: it does not shorten the pause again.
  public static let lasting: Duration = .seconds(10)
  /// How long nobody needs a connection before it is closed: plans change while many come.
  public static let surplus: Duration = .seconds(15)
  public static let crowdedSurplus: Duration = .seconds(1)
  /// How long a connection is kept for messages to one alone.
  public static let errand: Duration = .seconds(30)
  /// How often one that is gone is looked for, which may be on the other side of a cut.
  public static let revival: Duration = .seconds(10)

  // MARK: Connections

  /// How long the other side has to say who it is.
  public static let greeting: Duration = .seconds(10)
  /// How long who leaves waits until others have taken its last words, and until they hang up.
  public static let goodbye: Duration = .seconds(2)
  /// How long after a goodbye more may come: it is said on a stream of its own, which may be quicker.
  public static let lastWords: Duration = .milliseconds(200)
  /// Those who have not said who they are yet.
  public static let strangers = 64
  /// What it says of itself, with those whom it names.
  public static let helloBytes = 8 * 1024
  /// Words that wait for somebody who takes none: as many comparisons as nobody needs.
  public static let waitingWords = 4 << 20
  /// Words that are written at once.
  public static let wordsAtOnce = 64 * 1024
  /// A message that is copied behind its head, to be written at once.
  public static let smallPayload = 16 * 1024
  /// Those whom a registry lists and who are looked at, and of them those who are tried, at first and by who has neighbours already.
  public static let listed = 128
  public static let found = 16
  public static let foundAgain = 3

  // MARK: Broadcasts

  /// A message, unless it is configured otherwise: as much as the original's.
  public static let messageBytes = 16 << 20
  /// No sender comes so far: what says otherwise is a lie.
  static let lastNumber: UInt64 = 1 << 62
  /// A topic's name.
  public static let topicBytes = 255
  /// What is kept for those who have missed it.
  public static let keptBytes = 32 << 20
  public static let keptTime: Duration = .seconds(600)
  /// How far most neighbours may be behind before who broadcasts has to wait.
  public static let window = 1 << 20
  /// What came before its turn is kept for so many messages, and bytes.
  public static let aheadMessages = 64
  public static let aheadBytes = 4 << 20
  public static let allAheadBytes = 16 << 20
  /// What a message costs besides its payload.
  public static let messageCost = 256
  /// How long no more of what has begun to come may come, before somebody else is asked for it.
  public static let coming: Duration = .seconds(10)
  /// How long it may take in all: the largest at a megabit a second.
  public static let longestComing: Duration = .seconds(150)
  /// How long what neighbours have is taken for what was said before one came.
  public static let newcomer: Duration = .seconds(3)
  /// How often it is told what is there, to how many, and how often of one.
  public static let havePause: Duration = .milliseconds(100)
  public static let havePeers = 3
  public static let haveTimes = 4
  /// How long something may be on its way before it is asked for, and how long before somebody else is asked.
  public static let graftDelay: Duration = .milliseconds(200)
  public static let graftPatience: Duration = .milliseconds(800)
  /// How long it is waited for somebody else, when all that are known to have it do not keep it any more.
  public static let lastHope: Duration = .seconds(2)
  /// Entries in one message about what is there.
  public static let haveEntries = 256
}
