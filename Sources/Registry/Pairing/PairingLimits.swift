/// The limits of pairing over TCP, each with its reason.
public enum PairingLimits {
  /// A question: a key, two addresses, and room for what others add.
  package static let questionBytes = 4096
  /// What is read at once.
  static let readBytes = 4096
  /// How long a question may take to arrive: its client has no other to ask meanwhile.
  public static let questionPatience: Duration = .seconds(10)
  /// How long who waits is kept, unless it is told of somebody.
  public static let patience: Duration = .seconds(30)
  /// How long the answer has to be taken.
  static let farewell: Duration = .seconds(1)
  /// Connections at once: each holds a descriptor, of which a process has 1,024 by default.
  public static let connections = 256
  /// Connections of one address: one for each of a few programs behind a NAT that wait, and some that ask.
  public static let connectionsPerAddress = 16
  /// Questions of one address, in a second and at once: fewer than it takes to guess a key.
  public static let questionsPerSecond = 5.0
  public static let burst = 50.0
  /// What a client sends over UDP to learn its address.
  static let echoQuestion = Array("ping".utf8)
}
