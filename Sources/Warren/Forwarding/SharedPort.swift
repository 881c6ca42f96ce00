import WarrenMachine

/// A port by which others reach something here: see ``PortGate``.
public struct SharedPort: Hashable, Sendable {
  /// By which number others ask for it.
  public var number: UInt16
  /// Whether it is of TCP or of UDP.
  public var transport: TransportProtocol
  /// Where it leads.
  public var target: SocketAddress

  /// A port that leads to a place: to the one of this number on the gate's own machine, if nothing else is said.
  public init(_ number: UInt16, _ transport: TransportProtocol = .tcp, to target: SocketAddress? = nil) {
    self.number = number
    self.transport = transport
    self.target = target ?? SocketAddress(.loopback(.v4), port: number)
  }
}

extension SharedPort: CustomStringConvertible {
  /// `53/udp`, `8080 (192.0.2.7:80)`.
  public var description: String {
    let name = "\(number)" + (transport == .udp ? "/udp" : "")
    return target == SocketAddress(.loopback(.v4), port: number) ? name : "\(name) (\(target))"
  }
}
