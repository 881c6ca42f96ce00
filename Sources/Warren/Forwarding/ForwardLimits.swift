/// How much of everything forwarding has, and why.
public enum ForwardLimits {
  /// What is carried at once of a TCP connection.
  static let pieceBytes = 64 * 1024
  /// Connections and flows of one peer at a time: a browser has some dozens, and each costs a descriptor.
  public static let streams = 512
  /// How long whoever is behind a port has to answer.
  static let openPatience: Duration = .seconds(10)
  /// How long a flow of UDP may be silent before it is forgotten (RFC 4787, REQ-5, wants two minutes at least).
  public static let flowSilence: Duration = .seconds(150)
  /// Datagrams of a flow that wait; older ones are dropped, as any network does.
  static let waitingDatagrams = 256
  /// What a refusal may say.
  static let reasonBytes = 512
  /// How long somebody who has opened a stream has to say what for.
  static let request: Duration = .seconds(10)
  /// The end of a stream that was broken off.
  static let brokenOff: UInt64 = 0x77_10
}
