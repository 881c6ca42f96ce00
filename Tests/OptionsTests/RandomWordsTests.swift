import TestSupport
import Testing

@testable import WarrenOptions

@Suite("Random words")
struct RandomWordsTests {
  private static let vocabulary = [
    "dig", "carry", "door", "open", "shut", "call", "help", "--help", "-h", "--version", "--", "-", "", "=",
    "--=", "-=",
    "--port", "--port=", "--port=80", "-p", "-p80", "-p=80", "-qp", "--depth=5%", "-d", "5%", "--rest", "2m",
    "--soil",
    "wet clay", "--map", "--into", "--also", "-a", "--paws", "-3", "--quick", "-q", "--slow", "-v", "-vvv",
    "--colour",
    "--no-colour", "--no-", "--by", "-b1", "rose", "a b", "\u{0}", "\u{1B}[2J", "-\u{301}",
    "--\u{1F1E9}\u{1F1EA}", "é",
    "-é", "\r\n", "--times=3", "-t", "９", "---", "--port==", "--verbose=1", "-vhq",
  ]

  @Test("are understood or refused in one line, 100,000 times")
  func hostile() throws {
    var random = SeededRandom(64)
    var codes: Set<OptionsError.Code> = []
    var runs = 0
    for _ in 0..<100_000 {
      // Many begin well, or nothing would come of any.
      let start = [[], ["dig", "rose"], ["call", "oak"], ["carry", "a", "-b2"]].randomElement(using: &random)!
      let words = start + (0..<Int.random(in: 0...7, using: &random)).map { _ in word(&random) }
      do {
        if case .run = try Burrow.program.request(words) { runs += 1 }
      } catch let error as OptionsError {
        codes.insert(error.code)
        #expect(error.command?.hasPrefix("burrow") == true && !error.text.isEmpty, "\(words)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 32 }, "\(words)")
        #expect(error.description.count < 400, "\(words): \(error)")
      }
    }
    // Otherwise they were too much alike.
    #expect(runs > 500)
    #expect(codes == Set(OptionsError.Code.allCases))
  }

  private func word(_ random: inout SeededRandom) -> String {
    let words = Self.vocabulary
    switch Int.random(in: 0..<20, using: &random) {
    case 0:
      let bytes = random.bytes(Int.random(in: 0...12, using: &random))
      return String(decoding: bytes, as: UTF8.self)
    case 1:
      var letters = Array(words.randomElement(using: &random)!)
      if !letters.isEmpty { letters.remove(at: Int.random(in: 0..<letters.count, using: &random)) }
      return String(letters)
    case 2: return words.randomElement(using: &random)! + words.randomElement(using: &random)!
    default: return words.randomElement(using: &random)!
    }
  }

  @Test("however something is spelled, it means the same")
  func spellings() throws {
    var random = SeededRandom(65)
    for _ in 0..<5000 {
      let port = UInt16.random(in: 1...65535, using: &random)
      let helpers = (0..<Int.random(in: 0...3, using: &random)).map { "-helper=\($0) " }
      let soil = Soil.allCases.randomElement(using: &random)!
      let (isQuick, talk) = (Bool.random(using: &random), Int.random(in: 0...3, using: &random))
      let garden = ["rose", "-", "two words"].randomElement(using: &random)!
      var parts = [
        spelled("--port", "-p", "\(port)", &random), spelled("--soil", "-s", soil.rawValue, &random),
      ]
      // The order of those that may come often counts.
      parts.append(helpers.flatMap { spelled("--also", "-a", $0, &random) })
      if isQuick { parts.append([["--quick", "-q"].randomElement(using: &random)!]) }
      parts += (0..<talk).map { _ in [["--verbose", "-v"].randomElement(using: &random)!] }
      parts.shuffle(using: &random)
      parts.insert([garden], at: Int.random(in: 0...parts.count, using: &random))
      let words = ["dig"] + parts.flatMap { $0 }
      guard case .run(let dig as Dig) = try Burrow.program.request(words) else {
        Issue.record("\(words)")
        return
      }
      #expect(
        dig.words[Dig.port] == port && dig.words[Dig.soil] == soil && dig.words[Dig.also] == helpers,
        "\(words)")
      #expect(dig.words[Dig.quick] == isQuick && dig.words[Burrow.verbose] == talk, "\(words)")
      #expect(dig.words[Dig.garden] == garden, "\(words)")
    }
  }

  private func spelled(_ long: String, _ short: String, _ value: String, _ random: inout SeededRandom)
    -> [String]
  {
    let spellings = [[long, value], ["\(long)=\(value)"], [short, value], [short + value]]
    return spellings[Int.random(in: 0..<spellings.count, using: &random)]
  }
}
