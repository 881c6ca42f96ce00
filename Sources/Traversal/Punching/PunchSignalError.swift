/// Why bytes are no signal.
public enum PunchSignalError: Error, Hashable, Sendable {
  /// They end too soon, or are too many.
  case length
  /// Their layout is of another version.
  case version(UInt8)
  /// A part of them cannot be what it should be.
  case malformed(Part)

  /// A part of a signal.
  public enum Part: String, Hashable, Sendable {
    case kind, name, password, options, candidate, model, plan, flags
  }
}

extension PunchSignalError: CustomStringConvertible {
  /// What is wrong.
  public var description: String {
    switch self {
    case .length: "the signal ends too soon, or is followed by something else"
    case .version(let version):
      "the signal is of version \(version), and this is version \(PunchSignal.version): update the older side"
    case .malformed(let part): "the signal's \(part.rawValue) is none"
    }
  }
}
