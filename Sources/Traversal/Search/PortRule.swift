import WarrenMachine

/// One way in which a NAT may choose the port of a new mapping.
public enum PortRule: Hashable, Sendable {
  /// The inside port, and so much more around the end of all ports; 0 for a NAT that preserves ports.
  case offset(Int)
  /// The port after the latest.
  case counter(PortCounter)
  /// Any port of a range, even for even ones and odd for odd ones if parity is kept (RFC 4787, REQ-4).
  case range(PortRange, keepsParity: Bool)

  var allocation: NATKind.Allocation {
    switch self {
    case .offset: .preserving
    case .counter(let counter): .sequential(step: counter.step)
    case .range(let range, _): .random(range)
    }
  }
}

/// A counter from which a NAT takes ports, and which others behind it move as well.
public struct PortCounter: Hashable, Sendable {
  /// How far it goes for each mapping; negative if it counts down.
  public var step: Int
  /// Where it begins anew at the end.
  public var range: PortRange
  /// The outside address that it belongs to, by its place in ``PortModel/addresses``.
  public var address: Int
  /// The last port that was seen.
  public var latest: UInt16
  /// How long before the last sample that was, in milliseconds.
  public var age: Int
  /// How many mappings of others were seen to come in between…
  public var foreign: Int
  /// …within so many milliseconds.
  public var observed: Int

  /// The rate of others' mappings is a gamma distribution: 10 a second before anything was seen, within 50 ms.
  var shape: Double { Double(foreign) + Self.priorShape }
  var seconds: Double { Double(observed) / 1000 + Self.priorSeconds }

  static let priorShape = 0.5
  static let priorSeconds = 0.05

  /// How many mappings others open in a second, as far as one can tell.
  public var foreignRate: Double { shape / seconds }
}
