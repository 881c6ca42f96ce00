/// What of a NAT decides how to get through it: mapping and filtering (RFC 4787, 4.1 and 5), and which ports.
public struct NATKind: Hashable, Sendable {
  /// How much of the remote end something depends on.
  public enum Dependence: UInt8, Hashable, Sendable, CaseIterable {
    case endpointIndependent, addressDependent, addressAndPortDependent
  }

  /// Which outside port a new mapping gets.
  public enum Allocation: Hashable, Sendable {
    /// The socket's own, or one at a fixed distance from it.
    case preserving
    /// The one before and a step.
    case sequential(step: Int)
    /// Any of a range.
    case random(PortRange)
  }

  /// When two packets of a socket come from the same outside port.
  public var mapping: Dependence
  /// Who may send to a mapping.
  public var filtering: Dependence
  /// Which outside port a new mapping gets.
  public var allocation: Allocation

  /// A kind of NAT; one whose filtering is not known is taken to be strict.
  public init(
    mapping: Dependence, filtering: Dependence = .addressAndPortDependent, allocation: Allocation
  ) {
    self.mapping = mapping
    self.filtering = filtering
    self.allocation = allocation
  }
}

extension NATKind: CustomStringConvertible {
  /// The kind in words: `a new outside port for each remote address and port, each 2 above the one before; …`.
  public var description: String {
    let ports =
      switch mapping {
      case .endpointIndependent: "one outside port for each socket"
      case .addressDependent: "a new outside port for each remote address"
      case .addressAndPortDependent: "a new outside port for each remote address and port"
      }
    let senders =
      switch filtering {
      case .endpointIndependent: "anyone may send to it"
      case .addressDependent: "addresses that were sent to may answer"
      case .addressAndPortDependent: "only the very ports that were sent to may answer"
      }
    return "\(ports), \(allocation); \(senders)"
  }
}

extension NATKind.Allocation: CustomStringConvertible {
  /// The allocation in words.
  public var description: String {
    switch self {
    case .preserving: "the same as inside where it is free"
    case .sequential(let step): "each \(step.magnitude) \(step < 0 ? "below" : "above") the one before"
    case .random(let range): "any of \(range)"
    }
  }
}
