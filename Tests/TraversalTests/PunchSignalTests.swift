import Testing
import Warren

@testable import WarrenTraversal

@Suite("A signal as bytes")
struct PunchSignalTests {
  private static let candidates: [Candidate] = [
    Candidate(.host, at: SocketAddress(IPAddress(10, 0, 0, 1), port: 9), priority: 1, foundation: "h1"),
    Candidate(
      .serverReflexive, over: .tcpSimultaneousOpen,
      at: SocketAddress(IPAddress(v6: 1 << 61, 5), port: 65_535),
      relatedTo: SocketAddress(IPAddress(10, 0, 0, 1), port: 9), component: 2, priority: .max,
      foundation: String(repeating: "f", count: 32)),
  ]

  static var all: [PunchSignal] {
    let model = PortModel(mapping: .addressDependent, range: .linux)
    return [
      PunchSignal(
        .description(
          ICEDescription(
            usernameFragment: "abcd", password: String(repeating: "p", count: 22), isLite: true,
            pacing: .milliseconds(5), candidates: candidates, isComplete: true)), of: "abcd"),
      PunchSignal(
        .description(
          ICEDescription(
            usernameFragment: String(repeating: "u", count: 256),
            password: String(repeating: "p", count: 256),
            options: [],
            candidates: Array(repeating: candidates[1], count: ICELimits.remoteCandidates)))),
      PunchSignal(.candidate(candidates[0]), of: "abcd"), PunchSignal(.candidate(candidates[1])),
      PunchSignal(.complete, of: "abcd"),
      PunchSignal(
        .ports(
          PortReport(
            model: model, filtering: .addressDependent, sampleAge: .milliseconds(70), round: 3, pinned: 7,
            permitsExhaustive: true)), of: "abcd"),
      PunchSignal(.ports(PortReport(model: model))),
      PunchSignal(
        .search(SearchPlan(.birthday, opener: .proposer, profile: .normal, model: model, seed: 5), round: 1),
        of: "abcd"),
    ]
  }

  private func decoded(_ bytes: [UInt8]) throws -> PunchSignal { try PunchSignal(decoding: bytes.span.bytes) }

  @Test("is read as it was written", arguments: all)
  func roundTrip(signal: PunchSignal) throws {
    let bytes = signal.encoded
    #expect(try decoded(bytes) == signal)
    #expect(bytes.count <= PunchLimits.signalBytes)
  }

  @Test("is refused when it ends too soon, or goes on", arguments: all)
  func length(signal: PunchSignal) {
    let bytes = signal.encoded
    for count in 0..<bytes.count {
      #expect(throws: PunchSignalError.self) { try decoded(Array(bytes[..<count])) }
    }
    #expect(throws: PunchSignalError.length) { try decoded(bytes + [0]) }
  }

  @Test("is refused with a reason when it says what cannot be")
  func reasons() {
    let complete = PunchSignal(.complete, of: "abcd").encoded
    var bytes = complete
    bytes[0] = 9
    #expect(throws: PunchSignalError.version(9)) { try decoded(bytes) }
    bytes = complete
    bytes[1] = 9
    #expect(throws: PunchSignalError.malformed(.kind)) { try decoded(bytes) }
    bytes = complete
    bytes[4] = UInt8(ascii: " ")
    #expect(throws: PunchSignalError.malformed(.name)) { try decoded(bytes) }
    let long = [UInt8](repeating: 0, count: PunchLimits.signalBytes + 1)
    #expect(throws: PunchSignalError.length) { try decoded(long) }
    var candidate = Self.candidates[0]
    candidate.foundation = "not one"
    let signal = PunchSignal(.candidate(candidate)).encoded
    #expect(throws: PunchSignalError.malformed(.candidate)) { try decoded(signal) }
  }
}
