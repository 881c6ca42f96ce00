/// How much of everything forwarding has, and why.
public enum ForwardLimits {
  /// What is carried at once of a TCP connection.
  static let pieceBytes = 64 * 1024
  /// Connections and conversations of one peer at a time: fewer than the streams that QUIC permits, so that who has too many is told so.
  public static let streams = 200
  /// Those of all peers: each costs a descriptor, of which a program has a thousand as a rule.
  public static let allStreams = 400
  /// How long whoever is behind a port has to answer.
  static let openPatience: Duration = .seconds(10)
  /// How long the peer has to say whether it does.
  static let answerPatience: Duration = .seconds(20)
  /// How long a flow of UDP may be silent before it is forgotten (RFC 4787, REQ-5, wants two minutes at least).
  public static let flowSilence: Duration = .seconds(150)
  /// The same of ports below 1024, such as those of name servers, which are asked from another port each time (REQ-5a).
  public static let shortFlowSilence: Duration = .seconds(30)
  /// Bytes of a flow that wait; what comes then is dropped, as on any network.
  static let waitingBytes = 256 * 1024
  /// What a datagram costs besides.
  static let datagramCost = 64
  /// Events that nobody has read.
  static let waitingEvents = 256
  /// What a refusal may say.
  static let reasonBytes = 512
  /// How long somebody who has opened a stream has to say what for.
  static let request: Duration = .seconds(10)
  /// The end of a stream that was broken off.
  static let brokenOff: UInt64 = 0x77_10
}
