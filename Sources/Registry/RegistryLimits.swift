/// The limits of a registry, each with its reason.
public enum RegistryLimits {
  /// A name: what fits a line of a list, in any script.
  public static let nameBytes = 64
  /// Addresses of one peer: a few interfaces in both families, what they look like from outside, and relays. Others send to
  /// each of them: so there cannot be thousands.
  public static let addresses = 16
  /// A key with which two are brought together: a long sentence.
  public static let keyBytes = 256
  /// Registrations in one answer to a list.
  public static let page = 100
  /// How many owners are looked at for each that is listed: where few want to be seen, pages are short.
  public static let looksPerListed = 20
  /// How long to wait after a connection could not be accepted.
  static let acceptPause: Duration = .milliseconds(100)
}
