/// What a message asks for (RFC 8489, 18.2; RFC 8656, 17; RFC 6062, 6.1).
public struct STUNMethod: RawRepresentable, Hashable, Sendable {
  /// Its number, of 12 bits.
  public var rawValue: UInt16

  /// The method with this number.
  public init(rawValue: UInt16) { self.rawValue = rawValue & 0x0FFF }

  /// What is my address, and ICE's connectivity check.
  public static let binding = STUNMethod(rawValue: 0x001)
  /// TURN: an address of the relay's for me.
  public static let allocate = STUNMethod(rawValue: 0x003)
  /// TURN: keep it, or give it back.
  public static let refresh = STUNMethod(rawValue: 0x004)
  /// TURN: send this to a peer.
  public static let send = STUNMethod(rawValue: 0x006)
  /// TURN: this came from a peer.
  public static let data = STUNMethod(rawValue: 0x007)
  /// TURN: let these peers in.
  public static let createPermission = STUNMethod(rawValue: 0x008)
  /// TURN: a short name for a peer.
  public static let channelBind = STUNMethod(rawValue: 0x009)
  /// TURN over TCP: connect to a peer.
  public static let connect = STUNMethod(rawValue: 0x00A)
  /// TURN over TCP: this connection carries that peer's data.
  public static let connectionBind = STUNMethod(rawValue: 0x00B)
  /// TURN over TCP: a peer has connected.
  public static let connectionAttempt = STUNMethod(rawValue: 0x00C)
}

/// What a message is to the one before it (RFC 8489, 5).
public enum STUNClass: UInt8, Hashable, Sendable, CaseIterable {
  /// It wants an answer.
  case request = 0
  /// It wants none.
  case indication = 1
  /// It is the answer that was hoped for.
  case success = 2
  /// It is another.
  case failure = 3
}

/// Method and class, as they stand interleaved in a message's first two bytes (RFC 8489, 5, figure 3).
struct STUNMessageType {
  static func encode(_ method: STUNMethod, _ messageClass: STUNClass) -> UInt16 {
    let m = method.rawValue
    let c = UInt16(messageClass.rawValue)
    return (m & 0x000F) | (m & 0x0070) << 1 | (m & 0x0F80) << 2 | (c & 1) << 4 | (c & 2) << 7
  }

  static func method(_ type: UInt16) -> STUNMethod {
    STUNMethod(rawValue: (type & 0x000F) | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2)
  }

  static func messageClass(_ type: UInt16) -> STUNClass {
    STUNClass(rawValue: UInt8((type & 0x0010) >> 4 | (type & 0x0100) >> 7)) ?? .request
  }
}
