/// The limits of asking name servers, each with its reason.
enum DNSLimits {
  /// Bytes of a label, and of a name with the lengths of its labels (RFC 1035, 2.3.4).
  static let labelBytes = 63
  static let nameBytes = 255
  /// Times that one name goes on elsewhere in its message: writers do so once, and each label could be one.
  static let pointers = 128
  /// Records that are read of one answer: more is nobody's service.
  static let records = 256
  /// Relays of one service that are of use: each is asked a little after the one before.
  static let services = 16
  /// Names by which a service may be called in turn, as resolvers allow them (RFC 1034, 3.6.2, wants one).
  static let aliases = 8
  /// How long a name server may take: a resolver that has to ask others takes a second.
  static let patience: Duration = .seconds(2)
}
