/// The limits of this room, each with its reason.
public enum CryptoLimits {
  /// Bytes of a key file: ours have 119, and those with explanations around them a few hundred.
  public static let keyFileBytes = 4096
  /// Names tried for a temporary file: each that is taken is another thread at the same work, or a rest of a
  /// program that was killed there.
  public static let temporaryNames = 1000
  /// How often a key file is looked for that was there a moment ago and is not: somebody takes it away.
  public static let keyFileRounds = 10
}
