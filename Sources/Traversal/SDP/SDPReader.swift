import WarrenMachine

/// Reads what concerns ICE in a text of SDP: what stands before the first `m=` line, and its own lines.
struct SDPReader {
  let allowsLoopback: Bool
  private var usernameFragment: String?
  private var password: String?
  private var isLite = false
  private var pacing: Duration?
  private var options: [String] = []
  private var candidates: [Candidate] = []
  private var isComplete = false
  private var refused: [SDPError] = []
  private var mediaCount = 0

  init(allowsLoopback: Bool) { self.allowsLoopback = allowsLoopback }

  mutating func read(_ text: String) throws(SDPError) {
    guard text.utf8.count <= SDPLimits.textBytes else { throw SDPError(line: 0, problem: .tooLong) }
    var rest = text.utf8[...]
    var number = 0
    while !rest.isEmpty {
      number += 1
      guard number <= SDPLimits.lines else { throw SDPError(line: 0, problem: .tooLong) }
      var line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[line.endIndex...].dropFirst()
      while let last = line.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: " ") {
        line.removeLast()
      }
      line = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if line.isEmpty { continue }
      guard line.count <= SDPLimits.lineBytes else { throw SDPError(line: number, problem: .lineTooLong) }
      try read(line, number)
    }
  }

  private mutating func read(_ line: Substring.UTF8View, _ number: Int) throws(SDPError) {
    // A candidate is often copied without what stands before it.
    if line.starts(with: "candidate:".utf8) { return read(candidate: line.dropFirst(10), number) }
    guard let type = line.first, line.dropFirst().first == UInt8(ascii: "="),
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(type)
    else { throw SDPError(line: number, problem: .notSDP) }
    let value = line.dropFirst(2)
    switch type {
    case UInt8(ascii: "m"): mediaCount += 1
    // Warren has one stream: others', if there are any, are not read.
    case UInt8(ascii: "a") where mediaCount <= 1: try read(attribute: value, number)
    default: break
    }
  }

  private mutating func read(attribute: Substring.UTF8View, _ number: Int) throws(SDPError) {
    let name = attribute.prefix { $0 != UInt8(ascii: ":") }
    let value = attribute[name.endIndex...].dropFirst()
    switch String(decoding: name, as: UTF8.self) {
    case "candidate": read(candidate: value, number)
    case "ice-ufrag": usernameFragment = try secret(value, "ice-ufrag", 4, number)
    case "ice-pwd": password = try secret(value, "ice-pwd", 22, number)
    case "ice-lite": isLite = true
    case "end-of-candidates": isComplete = true
    case "ice-options":
      var words = SDPWords(value)
      options = []
      while options.count < 16, let word = words.next() {
        options.append(String(decoding: word, as: UTF8.self))
      }
    case "ice-pacing":
      guard let milliseconds = SDPWords.number(value, upTo: 60_000) else {
        throw SDPError(
          line: number, problem: .malformed(attribute: "ice-pacing", why: "must be a number of milliseconds"))
      }
      pacing = .milliseconds(milliseconds)
    default: break
    }
  }

  /// A name or password: long enough that it cannot be guessed, and of the characters that it may have.
  private func secret(
    _ value: Substring.UTF8View, _ attribute: String, _ least: Int, _ number: Int
  ) throws(SDPError) -> String {
    guard (least...256).contains(value.count), SDPWords.areICECharacters(value) else {
      throw SDPError(
        line: number,
        problem: .malformed(
          attribute: attribute, why: "must be \(least) to 256 letters, digits, + and / (RFC 8839, 5.4)"))
    }
    return String(decoding: value, as: UTF8.self)
  }

  private mutating func read(candidate: Substring.UTF8View, _ number: Int) {
    do throws(CandidateFault) {
      let candidate = try Candidate(words: SDPWords(candidate))
      if let refusal = candidate.refusal(allowingLoopback: allowsLoopback) {
        throw CandidateFault.refused(refusal)
      }
      guard candidates.count < ICELimits.remoteCandidates else { throw CandidateFault.refused(.tooMany) }
      candidates.append(candidate)
    } catch {
      if refused.count < SDPLimits.refusals {
        refused.append(SDPError(line: number, problem: .candidate(error)))
      }
    }
  }

  func reading() throws(SDPError) -> ICEDescription.Reading {
    guard let usernameFragment else { throw SDPError(line: 0, problem: .missing("ice-ufrag")) }
    guard let password else { throw SDPError(line: 0, problem: .missing("ice-pwd")) }
    return ICEDescription.Reading(
      description: ICEDescription(
        usernameFragment: usernameFragment, password: password, isLite: isLite, pacing: pacing,
        options: options,
        candidates: candidates, isComplete: isComplete),
      refused: refused)
  }
}
