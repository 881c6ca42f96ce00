/// Why a server refuses a request (RFC 8489, 14.8; RFC 8445, 7.1; RFC 8656, 19; RFC 6062, 6.3).
public struct STUNErrorCode: RawRepresentable, Hashable, Sendable {
  /// Its number, from 300 to 699.
  public var rawValue: UInt16

  /// The error with this number.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// How messages write it, behind what else stands in the same four bytes (RFC 8489, 14.8).
  package var number: UInt32 { UInt32(rawValue / 100) << 8 | UInt32(rawValue % 100) }

  /// Ask another server.
  public static let tryAlternate = STUNErrorCode(rawValue: 300)
  /// The request makes no sense.
  public static let badRequest = STUNErrorCode(rawValue: 400)
  /// It must be signed, or is signed wrongly.
  public static let unauthenticated = STUNErrorCode(rawValue: 401)
  /// It is not allowed.
  public static let forbidden = STUNErrorCode(rawValue: 403)
  /// It has an attribute that must be understood and is not.
  public static let unknownAttribute = STUNErrorCode(rawValue: 420)
  /// There is no such allocation, or there is one already.
  public static let allocationMismatch = STUNErrorCode(rawValue: 437)
  /// Its nonce is too old.
  public static let staleNonce = STUNErrorCode(rawValue: 438)
  /// The relay has no address of that family.
  public static let addressFamilyNotSupported = STUNErrorCode(rawValue: 440)
  /// Another user made the allocation.
  public static let wrongCredentials = STUNErrorCode(rawValue: 441)
  /// The relay does not speak that protocol with peers.
  public static let unsupportedTransport = STUNErrorCode(rawValue: 442)
  /// The peer's address is of another family than the relay's.
  public static let peerAddressFamilyMismatch = STUNErrorCode(rawValue: 443)
  /// There is a connection with this peer already (RFC 6062).
  public static let connectionExists = STUNErrorCode(rawValue: 446)
  /// The peer could not be connected to (RFC 6062).
  public static let connectionFailure = STUNErrorCode(rawValue: 447)
  /// The user has enough already.
  public static let allocationQuotaReached = STUNErrorCode(rawValue: 486)
  /// Both sides of ICE believe that they decide.
  public static let roleConflict = STUNErrorCode(rawValue: 487)
  /// The server has failed; try again.
  public static let serverError = STUNErrorCode(rawValue: 500)
  /// The relay has no room.
  public static let insufficientCapacity = STUNErrorCode(rawValue: 508)

  /// What it is called in its RFC.
  public var reason: String {
    switch self {
    case .tryAlternate: "Try Alternate"
    case .badRequest: "Bad Request"
    case .unauthenticated: "Unauthenticated"
    case .forbidden: "Forbidden"
    case .unknownAttribute: "Unknown Attribute"
    case .allocationMismatch: "Allocation Mismatch"
    case .staleNonce: "Stale Nonce"
    case .addressFamilyNotSupported: "Address Family not Supported"
    case .wrongCredentials: "Wrong Credentials"
    case .unsupportedTransport: "Unsupported Transport Protocol"
    case .peerAddressFamilyMismatch: "Peer Address Family Mismatch"
    case .connectionExists: "Connection Already Exists"
    case .connectionFailure: "Connection Timeout or Failure"
    case .allocationQuotaReached: "Allocation Quota Reached"
    case .roleConflict: "Role Conflict"
    case .serverError: "Server Error"
    case .insufficientCapacity: "Insufficient Capacity"
    default: "Error"
    }
  }
}

extension STUNErrorCode: CustomStringConvertible {
  /// `401 Unauthenticated`.
  public var description: String { "\(rawValue) \(reason)" }
}
