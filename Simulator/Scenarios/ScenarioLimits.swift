/// The limits of this room, each with its reason.
public enum ScenarioLimits {
  /// What a scenario's file has in bytes: a thousand machines, written out.
  public static let fileBytes = 1_048_576
  /// How deep its values are in each other: boxes in boxes, and what is in those.
  static let depth = 64
  /// Faults that a run tells: the first few say what is wrong.
  static let faults = 20
  /// How long a peer has to find its registry at the beginning, in a bad network too.
  static let registering: Duration = .seconds(10)
  /// How long after the last thing that happens it goes on at least, so that what it has led to is seen.
  static let afterwards: Duration = .seconds(3)
  /// How often somebody who talks says something, and how much: a game, or somebody who speaks.
  static let interval: Duration = .milliseconds(20)
  static let wordBytes = 500
  /// What somebody writes at once who sends as fast as it goes.
  static let pieceBytes = 16_384
  /// How long what was said may take to arrive after its end: as long as a connection waits for a lost network, and more.
  static let patience: Duration = .seconds(60)
  /// The same over a link that loses more than a twentieth: where it loses a quarter, and takes 1.6 s there and back, whoever shares it
  /// fairly gets 1.7 kB/s through (Mathis and others, 1997), and 100 kB take a minute, without anything else going wrong.
  static let lastingPatience: Duration = .seconds(180)
  /// How long an echo may take to answer: the last questions over UDP are seconds apart, and a SYN that is lost is sent again after 1 s and 3 s.
  static let echo: Duration = .seconds(5)
  /// What an echo is asked.
  static let question = Array("what comes back?".utf8)
  /// What a portal remembers of what it has heard, in bytes: the first hundred tries of everybody.
  static let portalBytes = 1_048_576
  /// For how long it is calm before the oracle's word must come true: a connection that is dead has ended by then, and a registry
  /// that was lost is found (45 s and 30 s at most).
  static let calming: Duration = .seconds(75)
  /// How long whoever asks then may wait for an answer.
  static let asking: Duration = .seconds(20)
  /// The same over a link that loses more than a twentieth: what is lost five times is asked for a sixth time after half a minute where
  /// the way there and back takes a second, and there are two to be reached.
  static let askingAgain: Duration = .seconds(60)
  /// How often it is asked there: one time in thirty all is lost for as long as anybody has patience (45 s).
  static let attempts = 3
  /// How long the best way may take to be found then.
  static let improving: Duration = .seconds(40)
  /// How long all is given to be forgotten when everybody has gone, besides what NATs remember: connections that close wait for three
  /// timeouts, relays for what is still on its way.
  static let forgetting: Duration = .seconds(90)
  /// How often it is looked whether somebody is registered when it is calm, and how long after each other: through the time that a
  /// registration lasts (30 s).
  static let looks = 4
  static let betweenLooks: Duration = .seconds(9)
  /// How long servers are given to know that somebody has gone who has said so: what a farewell takes that is said again (5.5 s).
  static let leaving: Duration = .seconds(10)
  /// The same where that may have got lost: what a relay gives ends by itself then (600 s, RFC 8656).
  static let expiring: Duration = .seconds(660)
  /// How many packets a peer may send in all: of each talk and of each thing that goes wrong a search, and so many a second of
  /// a talk, and at all times.
  static let packetsPerSearch = 10_000
  /// Every port three times, for those who want that, and those few more.
  static let packetsPerSweep = 3 * 65_536 + packetsPerSearch
  static let packetsPerSecondOfTalk = 250
  static let packetsPerIdleSecond = 20
  /// How many packets a machine may send in a second besides those that carry what is said: a search for a port at its fastest, three
  /// at once.
  static let packetsPerSecond = 3_000
  /// How long what NATs remember lives at most: TCP that nobody has closed (7,440 s: RFC 5382, REQ-5), whose system repeats its last
  /// words for a quarter of an hour.
  static let longestMapping: Duration = .seconds(10_000)
  /// After which time at most a connection is straight where nothing is to be guessed: it is asked for, answered and punched within six
  /// ways of 25 ms, or relayed first, and a check more.
  static let atOnce: Duration = .milliseconds(400)
  /// How long two talk in a matrix: a search for a port at its slowest is done by then.
  static let matrixTalk: Duration = .seconds(12)
  /// The same where every port is tried, three times.
  static let exhaustiveTalk: Duration = .seconds(130)
  /// How many share a carrier's NAT in a drawn internet: an address of it has 126 blocks of 512 ports.
  static let customers = 100
  /// How many pairs are asked at once when it is calm.
  static let asked = 256
  /// How often a scenario is run at most to make it smaller, and how long somebody waits for that who looks on.
  public static let shrinkingRuns = 2000
  public static let shrinkingTime: Duration = .seconds(25)
  /// Events that a run in detail keeps: the beginning of the fastest search, and more than is ever drawn.
  static let recordedEvents = 60_000
  /// How much of what is heard in a run in detail is counted together, and for how long: what a line of 900 points can show.
  static let beat: Duration = .milliseconds(100)
  static let beats = 36_000
  /// Arrows that a drawing has at most: more, nobody reads.
  static let arrows = 150
  /// How much is drawn of what follows the answer to the first call, and of a call that nobody answers.
  static let drawnAfterwards: Duration = .milliseconds(60)
  static let drawnUnanswered: Duration = .seconds(3)
  /// Packets of one way that begin this soon after each other are one arrow: a burst, of any sizes; or a search, of so many of one
  /// size: fewer may each be an answer to something.
  static let burst: Duration = .milliseconds(5)
  static let search: Duration = .milliseconds(60)
  static let searchPackets = 8
  /// Connections and steps of a run that are drawn over time: a page's worth of each.
  static let tracks = 30
  static let marks = 40
  /// Failing seeds of a scenario that a report tells, and faults of each: the others fail alike, most often.
  static let toldSeeds = 12
  static let toldFaults = 3
  /// For how long at least things go wrong in a run that is chaotic.
  static let chaos: Duration = .seconds(30)
}
