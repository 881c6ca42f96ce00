import WarrenMachine

/// Why there is no mapping.
public enum PortMappingError: Error, Hashable, Sendable {
  /// The machine has no gateway of this family.
  case noGateway(IPAddress.Family)
  /// Nothing answers at any of the gateways, by whatever protocol.
  case noAnswer(gateways: [IPAddress])
  /// A gateway answered, and said no.
  case refused(Refusal, by: PortMappingProtocol)
  /// The mapper was closed.
  case closed

  /// How a gateway says no.
  public enum Refusal: Hashable, Sendable {
    /// It is switched off in the gateway's settings, or another program holds the port.
    case notAuthorized
    /// The gateway has no connection itself.
    case gatewayIsOffline
    /// It has no port or memory left.
    case outOfResources
    /// This machine has as many mappings as one may have.
    case quotaExceeded
    /// All ports that were asked for are others'.
    case portsTaken
    /// There is another NAT between this machine and the gateway.
    case addressMismatch
    /// It does not do what was asked: this transport, this request.
    case unsupported
    /// Something else, by the protocol's own number.
    case other(code: Int)
  }
}

extension PortMappingError: CustomStringConvertible {
  /// What went wrong and what to do about it.
  public var description: String {
    switch self {
    case .noGateway(let family):
      "this machine has no default gateway for IP\(family): it is on the internet itself, or has no connection"
    case .noAnswer(let gateways):
      "no gateway answers to PCP, NAT-PMP or UPnP (\(gateways.map { "\($0)" }.joined(separator: ", "))): "
        + "switch one of them on in the router's settings, or forward the port there by hand"
    case .refused(let refusal, let name): "the gateway refuses by \(name): \(refusal)"
    case .closed: "the port mapper is closed"
    }
  }
}

extension PortMappingError.Refusal: CustomStringConvertible {
  /// The reason and what to do about it.
  public var description: String {
    switch self {
    case .notAuthorized: "allow port mapping in the router's settings, or end the program that has the port"
    case .gatewayIsOffline: "it has no connection to the internet itself"
    case .outOfResources: "it has no port left; restarting it may help"
    case .quotaExceeded: "this machine has as many mappings as it allows; end a program that holds some"
    case .portsTaken: "the ports that were tried belong to other machines; suggest another"
    case .addressMismatch: "another NAT stands between this machine and it; ask that one"
    case .unsupported: "it does not know this kind of request"
    case .other(let code): "error \(code)"
    }
  }
}
