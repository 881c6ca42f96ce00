import TestSupport
import Testing
import Warren
import WarrenLaboratory
import WarrenScenarios
import WarrenSimulator

@Suite("The oracle")
struct OracleTests {
  /// The letters of the matrix, a row for each place.
  private func letters(after title: String) throws -> [[Character]] {
    let lines = try #require(Folder.text(of: Folder.repository + "/Fixtures/Matrix/places.txt")).split(
      separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix(title) })
    return lines[(start + 1)...].prefix(Place.all.count).map { line in
      line.split(separator: " ").prefix(Place.all.count).compactMap(\.first)
    }
  }

  private func promise(_ a: Place, _ b: Place) -> Oracle.Promise {
    Oracle(
      Scenario("a pair", why: "") {
        a.node("alice")
        b.node("bob")
      }
    ).promise("alice", "bob")
  }

  @Test("says of all places what the matrix says, over UDP and over TCP")
  func matrix() throws {
    let (udp, tcp) = (try letters(after: "# Over UDP."), try letters(after: "# Over TCP."))
    var count = 0
    for (row, a) in Place.all.enumerated() {
      for (column, b) in Place.all.enumerated() {
        let promise = promise(a, b)
        let direct: Oracle.Promise.Chance =
          switch udp[row][column] {
          case "e": .certain
          case "g": .perhaps
          default: .never
          }
        #expect(promise.direct == direct, "\(a) and \(b), over UDP")
        #expect((promise.tcp != .never) == (tcp[row][column] == "e"), "\(a) and \(b), over TCP")
        count += 1
      }
    }
    #expect(count == Place.all.count * Place.all.count && count > 300)
  }

  @Test("knows who shares a NAT, and whether it turns packets round")
  func shared() {
    for (home, carrier, expected) in [
      (NATConfiguration.portRestrictedCone, NATConfiguration.carrierGrade, Oracle.Promise.Chance.certain),
      (.portRestrictedCone, .carrierGrade.changed { $0.hairpinning = .off }, .never),
      (.symmetric, .carrierGrade, .never),
      (.portRestrictedCone, .carrierGrade.changed { $0.mapping = .addressAndPortDependent }, .never),
    ] {
      let oracle = Oracle(
        Scenario("two homes", why: "") {
          NAT("carrier's NAT", carrier) {
            Machine("alice").behind(home)
            Machine("bob").behind(home)
            NAT("another home", home) {
              Machine("carol")
              Machine("dave")
            }
          }
        })
      #expect(oracle.promise("alice", "bob").direct == expected)
      #expect(oracle.promise("carol", "dave").direct == .certain)
    }
  }
}
