/// What a machine can ask its network's gateway by UPnP.
public enum UPnPRequest: Hashable, Sendable {
  /// Looks for the gateway, and asks it for its outside address; changes nothing.
  case discover
  /// Has everything that comes to an outside port sent to a port of this machine; repeating it renews it.
  ///
  /// A lifetime of 0 seconds means for ever, as far as the gateway keeps to it.
  case map(TransportProtocol, outsidePort: UInt16, toLocalPort: UInt16, lifetime: UInt32)
  /// Takes an outside port back.
  case unmap(TransportProtocol, outsidePort: UInt16)
}

/// What a gateway answers by UPnP.
public struct UPnPGateway: Hashable, Sendable {
  /// Where it is reached from inside.
  public var address: IPAddress
  /// What it says its address on the outside is; nil where it has none now.
  public var outsideAddress: IPAddress?

  /// A gateway with its two addresses.
  public init(address: IPAddress, outsideAddress: IPAddress?) {
    self.address = address
    self.outsideAddress = outsideAddress
  }
}

/// Why a gateway did not do by UPnP what it was asked.
public enum UPnPError: Error, Hashable, Sendable {
  /// No gateway that speaks UPnP is there.
  case noGateway
  /// The gateway was found, and then could not be spoken with.
  case unreachable
  /// The gateway says no, by UPnP's error number (WANIPConnection:1, 2.4.16).
  case refused(code: Int)
}

extension UPnPError: CustomStringConvertible {
  /// What went wrong and what to do about it.
  public var description: String {
    switch self {
    case .noGateway: "no gateway answers by UPnP: switch UPnP on in the router's settings"
    case .unreachable: "the gateway was found by UPnP, but its control address cannot be reached"
    case .refused(let code): "the gateway refuses by UPnP, with error \(code)"
    }
  }
}
