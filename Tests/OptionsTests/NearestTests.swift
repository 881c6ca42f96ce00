import TestSupport
import Testing

@testable import WarrenOptions

@Suite("The name that was meant")
struct NearestTests {
  private static let names = ["matrix", "mesh", "man", "storm", "swarm", "weather", "seed", "seeds"]

  @Test(
    "is the one with few mistakes",
    arguments: [
      ("mtarix", "matrix"), ("mehs", "mesh"), ("sotrm", "storm"), ("weathr", "weather"), ("sed", "seed"),
      ("wea", "weather"), ("sead", "seed"), ("man", "man"), ("swrm", "swarm"), ("ma", "man"),
    ])
  func near(_ word: String, _ name: String) { #expect(nearest(to: word, among: Self.names) == name) }

  @Test(
    "is nobody's where nothing is like it", arguments: ["", "x", "m", "xx", "hello", "weasel", "tram-driver"])
  func far(_ word: String) { #expect(nearest(to: word, among: Self.names) == nil) }

  @Test("is not looked for in what nobody types")
  func long() {
    #expect(nearest(to: String(repeating: "a", count: 100_000), among: Self.names) == nil)
  }

  @Test("mistakes are counted as by trying all of them")
  func model() {
    var random = SeededRandom(8)
    for _ in 0..<2000 {
      let words = (0..<2).map { _ in
        (0..<Int.random(in: 0...5, using: &random)).map { _ in "abc".randomElement(using: &random)! }
      }
      #expect(mistakes(words[0], words[1]) == fewest(words[0][...], words[1][...]), "\(words)")
      #expect(mistakes(words[0], words[1]) == mistakes(words[1], words[0]))
    }
  }

  /// The same by its definition.
  private func fewest(_ one: ArraySlice<Character>, _ other: ArraySlice<Character>) -> Int {
    guard let first = one.first, let second = other.first else { return one.count + other.count }
    let (a, b) = (one.dropFirst(), other.dropFirst())
    var least = min(fewest(a, other), fewest(one, b)) + 1
    least = min(least, fewest(a, b) + (first == second ? 0 : 1))
    if one.count > 1, other.count > 1, a.first == second, b.first == first {
      least = min(least, fewest(a.dropFirst(), b.dropFirst()) + 1)
    }
    return least
  }
}
