/// The name and password that checks to one side bear (RFC 8445, 5.3).
public struct ICECredentials: Hashable, Sendable {
  /// The first half of the name.
  public var usernameFragment: String
  /// What checks are signed with.
  public var password: String

  /// These.
  public init(usernameFragment: String, password: String) {
    self.usernameFragment = usernameFragment
    self.password = password
  }

  /// New ones: 48 bits of name and 144 of password, where the RFC wants 24 and 128.
  public init(using random: inout some RandomNumberGenerator) {
    usernameFragment = ICECredentials.text(8, using: &random)
    password = ICECredentials.text(24, using: &random)
  }

  /// Whether a text is such a name as RFC 8839, 5.4 allows.
  static func isUsernameFragment(_ text: String) -> Bool { isICEText(text, 4...256) }

  /// Whether a text is such a password as RFC 8839, 5.4 allows.
  static func isPassword(_ text: String) -> Bool { isICEText(text, 22...256) }

  private static func isICEText(_ text: String, _ lengths: ClosedRange<Int>) -> Bool {
    lengths.contains(text.utf8.count) && SDPWords.areICECharacters(Substring(text).utf8)
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

  private static func text(_ count: Int, using random: inout some RandomNumberGenerator) -> String {
    String((0..<count).map { _ in alphabet[Int(random.next(upperBound: UInt(64)))] })
  }
}
