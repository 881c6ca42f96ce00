import WarrenMachine

// What one side tells the other, as SDP has it (RFC 8839, 4 and 5; RFC 8840). Only what concerns ICE is read, so that a
// browser's description is understood as well as a few lines that somebody has copied.
extension ICEDescription {
  /// A description, and the candidates in it that are of no use.
  public struct Reading: Hashable, Sendable {
    /// What is of use.
    public var description: ICEDescription
    /// What is not, and why; no more than ``SDPLimits/refusals`` of them.
    public var refused: [SDPError]
  }

  /// The description in a text; candidates that are of no use are left out.
  public init(sdp text: String) throws(SDPError) { self = try Self.reading(sdp: text).description }

  /// The description in a text, and what of it is of no use.
  ///
  /// - Parameter allowingLoopback: whether loopback addresses are of use: for two programs on one machine.
  public static func reading(sdp text: String, allowingLoopback: Bool = false) throws(SDPError) -> Reading {
    var reader = SDPReader(allowsLoopback: allowingLoopback)
    try reader.read(text)
    return try reader.reading()
  }

  /// The whole text, with lines that end as SDP's do.
  ///
  /// - Parameter session: a number that is the same for all descriptions of one connection.
  public func sdp(session: UInt64 = 1) -> String {
    let origin = candidates.isEmpty ? "IN IP4 0.0.0.0" : Self.connection(defaultCandidate)
    var lines = ["v=0", "o=- \(session >> 1) 1 \(origin)", "s=-", "t=0 0"]
    if isLite { lines.append("a=ice-lite") }
    return (lines + mediaLines).map { $0 + "\r\n" }.joined()
  }

  /// What is told later: the same without what says how the connection is to be (RFC 8840, 9).
  public var sdpFragment: String { mediaLines.map { $0 + "\r\n" }.joined() }

  private var mediaLines: [String] {
    var lines = [
      "m=application \(defaultCandidate?.address.port ?? 9) udp *", "c=\(Self.connection(defaultCandidate))",
      "a=mid:0", "a=ice-ufrag:\(usernameFragment)", "a=ice-pwd:\(password)",
    ]
    if !options.isEmpty { lines.append("a=ice-options:\(options.joined(separator: " "))") }
    if let pacing { lines.append("a=ice-pacing:\(pacing.wholeNanoseconds / 1_000_000)") }
    lines += candidates.map { "a=" + $0.sdp }
    if isComplete { lines.append("a=end-of-candidates") }
    return lines
  }

  /// What those would use who know nothing of ICE: the one that works most often (RFC 8445, 5.1.4).
  private var defaultCandidate: Candidate? {
    let usable = candidates.filter { $0.transport == .udp }
    let order: [Candidate.Kind] = [.relayed, .serverReflexive, .host]
    return order.lazy.compactMap { kind in usable.first { $0.kind == kind } }.first
  }

  private static func connection(_ candidate: Candidate?) -> String {
    guard let ip = candidate?.address.ip else { return "IN IP4 0.0.0.0" }
    return "IN IP\(ip.family == .v4 ? 4 : 6) \(ip)"
  }
}
