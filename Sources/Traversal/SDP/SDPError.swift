/// What is wrong with a text that should be SDP, and in which line.
public struct SDPError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Problem: Hashable, Sendable {
    /// The text is longer than ``SDPLimits/textBytes``, or has more than ``SDPLimits/lines`` lines.
    case tooLong
    /// A line is longer than ``SDPLimits/lineBytes``.
    case lineTooLong
    /// It does not begin with a letter and `=`.
    case notSDP
    /// The other side's name is missing, or its password.
    case missing(String)
    /// An attribute has another form than it must have.
    case malformed(attribute: String, why: String)
    /// A candidate has another form than it must have.
    case candidate(CandidateFault)
  }

  /// The number of the line, from 1; 0 for the text as a whole.
  public var line: Int
  /// What is wrong.
  public var problem: Problem

  /// A problem in a line.
  public init(line: Int, problem: Problem) {
    self.line = line
    self.problem = problem
  }
}

/// What is wrong with a line that should be a candidate.
public enum CandidateFault: Error, Hashable, Sendable {
  /// There are too few words.
  case tooShort
  /// The foundation is empty, longer than 32 characters, or has others than letters, digits, `+` and `/`.
  case foundation
  /// The component is no number from 1 to 256.
  case component
  /// It is neither UDP nor TCP.
  case transport
  /// The priority is no number from 1 to 2³¹ - 1.
  case priority
  /// A name instead of an address: those are not looked up.
  case name
  /// The port is no number from 0 to 65535.
  case port
  /// The kind is none that is known.
  case kind
  /// A TCP candidate does not say who connects.
  case tcpType
  /// Nobody else can be there.
  case refused(CandidateRefusal)
}

extension SDPError: CustomStringConvertible {
  /// Where and what, and what to do about it.
  public var description: String { line == 0 ? problem.description : "line \(line): \(problem)" }
}

extension SDPError.Problem: CustomStringConvertible {
  /// What is wrong, in words.
  public var description: String {
    switch self {
    case .tooLong: "this is too long to be the description of one connection"
    case .lineTooLong: "the line is longer than \(SDPLimits.lineBytes) bytes"
    case .notSDP:
      "this is not SDP, whose lines begin with a letter and '=': paste all of it, and nothing else"
    case .missing(let attribute): "there is no a=\(attribute): paste the whole text of the other side"
    case .malformed(let attribute, let why): "a=\(attribute) \(why)"
    case .candidate(let fault): "the candidate is of no use: \(fault)"
    }
  }
}

extension CandidateFault: CustomStringConvertible {
  /// What is wrong, in words.
  public var description: String {
    switch self {
    case .tooShort: "words are missing"
    case .foundation: "its first word must be up to 32 letters, digits, + and /"
    case .component: "its component must be a number from 1 to 256"
    case .transport: "it is neither UDP nor TCP"
    case .priority: "its priority must be a number from 1 to 2147483647"
    case .name: "it has a name where its address should be, and names are not looked up"
    case .port: "its port must be a number from 0 to 65535"
    case .kind: "its kind must be host, srflx, prflx or relay"
    case .tcpType: "over TCP it must say who connects: active, passive or so"
    case .refused(let refusal): "\(refusal)"
    }
  }
}
