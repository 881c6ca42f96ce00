import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// Who may use a relay, and how they prove it.
///
/// A user of the list has a name and a password. Whoever has a shared secret can make names and passwords that are good for
/// a while, and hand them out: the name is the second since 1970 at which that ends, a colon, and whatever else; the password
/// is the base64 of the name's HMAC-SHA1. Browsers and others' servers do the same.
public struct RelayCredentials: Sendable {
  /// Passwords by the names of their users.
  public var users: [String: String]
  /// Keys by the names of users whose passwords are not known here.
  public var keys: [String: RelayUserKeys] = [:]
  /// What time-limited passwords are made of: the first makes new ones, all are good.
  public var sharedSecrets: [String]

  /// These users, and whoever has one of these secrets.
  public init(users: [String: String] = [:], sharedSecrets: [String] = []) {
    precondition(
      sharedSecrets.count <= RelayLimits.sharedSecrets,
      "each secret costs a hash a request: \(RelayLimits.sharedSecrets) are enough")
    self.users = users
    self.sharedSecrets = sharedSecrets
  }

  /// A name and a password for `user` that are good until `end`, counted from 1970.
  public static func timeLimited(
    user: String, until end: Duration, secret: String
  ) -> (username: String, password: String) {
    let username = "\(end.components.seconds):\(user)"
    return (username, password(of: username, secret: secret))
  }

  private static func password(of username: String, secret: String) -> String {
    let code = HMAC(.sha1, key: Array(secret.utf8)).code(of: Array(username.utf8))
    return String(decoding: Base64.text(of: code), as: UTF8.self)
  }

  /// The passwords with which `username` may come at this time of day; none where it may not.
  func passwords(of username: String, timeOfDay: Duration) -> [String] {
    if let password = users[username] { return [password] }
    guard !sharedSecrets.isEmpty, let end = Self.end(of: username), timeOfDay < end else { return [] }
    return sharedSecrets.map { Self.password(of: username, secret: $0) }
  }

  /// What `username` may sign with.
  func keys(
    of username: String, realm: String, _ algorithm: STUNPasswordAlgorithm, timeOfDay: Duration
  ) -> [STUNKey] {
    if users[username] == nil, let own = keys[username] {
      return [algorithm == .md5 ? own.md5 : own.sha256].compactMap { $0 }.map { STUNKey(bytes: $0) }
    }
    return passwords(of: username, timeOfDay: timeOfDay).map {
      STUNKey(username: username, realm: realm, password: $0, algorithm: algorithm)
    }
  }

  /// Whether somebody of this name is listed, whom nothing but the list makes a user.
  func lists(_ username: String) -> Bool { users[username] != nil || keys[username] != nil }

  /// Whether somebody can sign in the old way alone: then nobody may be asked for better, as it is not known who will come.
  var needsMD5: Bool { keys.values.contains { $0.sha256 == nil } }

  /// Whether `username` may come with whatever password was its own before.
  func isCurrent(_ username: String, timeOfDay: Duration) -> Bool {
    if lists(username) { return true }
    guard !sharedSecrets.isEmpty, let end = Self.end(of: username) else { return false }
    return timeOfDay < end
  }

  /// Whose allocations count together: a time-limited name's user, whichever name he has today.
  func account(of username: String) -> String {
    guard !lists(username), let colon = username.utf8.firstIndex(of: UInt8(ascii: ":")) else {
      return username
    }
    let user = username[username.utf8.index(after: colon)...]
    return user.isEmpty ? username : String(user)
  }

  /// When a time-limited name ends.
  private static func end(of username: String) -> Duration? {
    let digits = username.utf8.prefix { $0 != UInt8(ascii: ":") }
    guard (1...12).contains(digits.count) else { return nil }
    var seconds: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      seconds = seconds * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return .seconds(seconds)
  }
}
