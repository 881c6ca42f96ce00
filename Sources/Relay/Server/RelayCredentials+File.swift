import WarrenSTUN

// Users from a file: a line each, empty ones and those that begin with # are passed over.
//
//   alice:open sesame
//   bob:0x5c1a6df5b52cd0e0e4b1c5c4b14f2b4a
//
// What follows the first colon is a password, or, behind 0x, a key in 32 hexadecimal digits (MD5) or 64 (SHA-256), as coturn's
// `turnadmin -k` writes it. Who has keys of both kinds has two lines.
extension RelayCredentials {
  /// The users that a file lists, and whoever has one of these secrets.
  ///
  /// - Parameter file: its bytes, UTF-8.
  /// - Throws: what is wrong with it, and in which line.
  public init(file: [UInt8], sharedSecrets: [String] = []) throws(RelayUsersError) {
    self.init(sharedSecrets: sharedSecrets)
    var start = 0
    var line = 0
    while start < file.count {
      line += 1
      let end = file[start...].firstIndex(of: UInt8(ascii: "\n")) ?? file.count
      var bytes = file[start..<end]
      start = end + 1
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
      guard let first = bytes.first, first != UInt8(ascii: "#") else { continue }
      guard users.count + keys.count < RelayLimits.users else { throw RelayUsersError(.tooMany, line: line) }
      do throws(RelayUsersError.Code) { try add(bytes) } catch { throw RelayUsersError(error, line: line) }
    }
  }

  private mutating func add(_ line: ArraySlice<UInt8>) throws(RelayUsersError.Code) {
    guard let text = String(validating: line, as: UTF8.self) else { throw .notText }
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw .noColon }
    let (name, proof) = (String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
    guard !name.isEmpty, name.utf8.count <= STUNLimits.usernameBytes else { throw .badName }
    guard !proof.isEmpty else { throw .noPassword }
    guard proof.hasPrefix("0x") else {
      guard users[name] == nil, keys[name] == nil else { throw .twice }
      users[name] = proof
      return
    }
    guard let key = Self.bytes(ofHex: proof.utf8.dropFirst(2)) else { throw .badKey }
    var all = keys[name] ?? RelayUserKeys()
    switch key.count {
    case 16 where users[name] == nil && all.md5 == nil: all.md5 = key
    case 32 where users[name] == nil && all.sha256 == nil: all.sha256 = key
    case 16, 32: throw .twice
    default: throw .badKey
    }
    keys[name] = all
  }

  private static func bytes(ofHex digits: Substring.UTF8View.SubSequence) -> [UInt8]? {
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
      default: return nil
      }
      if let first = high { bytes.append(first << 4 | value) }
      high = high == nil ? value : nil
    }
    return bytes
  }
}

/// What is wrong with a file of users.
public struct RelayUsersError: Error, Hashable, Sendable {
  /// What is wrong with a line.
  public enum Code: Error, Hashable, Sendable {
    /// It is not UTF-8.
    case notText
    /// Nothing tells the name from the password.
    case noColon
    /// The name is empty, or longer than any may be.
    case badName
    /// There is no password.
    case noPassword
    /// What follows 0x is no key.
    case badKey
    /// The user was named before.
    case twice
    /// There are more users than there may be.
    case tooMany
  }

  /// What is wrong.
  public var code: Code
  /// In which line, counted from 1.
  public var line: Int

  /// An error.
  public init(_ code: Code, line: Int) { (self.code, self.line) = (code, line) }
}

extension RelayUsersError: CustomStringConvertible {
  /// What is wrong, where, and what to write instead.
  public var description: String { "line \(line) of the users: \(text)" }

  private var text: String {
    switch code {
    case .notText: "it is not UTF-8: save the file as that"
    case .noColon: "there is no colon: write name:password"
    case .badName: "the name is empty or has more than \(STUNLimits.usernameBytes) bytes: choose another"
    case .noPassword: "there is no password: write one behind the colon, or remove the line"
    case .badKey: "a key has 32 hexadecimal digits (MD5) or 64 (SHA-256) behind 0x, and no password begins so"
    case .twice: "this user was named before: remove one of the lines"
    case .tooMany: "more than \(RelayLimits.users) users: give out time-limited passwords instead"
    }
  }
}
