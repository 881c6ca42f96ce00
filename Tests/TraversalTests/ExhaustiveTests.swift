import Testing
import Warren
import WarrenLaboratory

/// Two NATs that both hide their ports: nothing but chance helps, and it takes as many packets as there are ports.
@Suite("An exhaustive search")
struct ExhaustiveTests {
  private func trial(_ place: Place, asked: Bool) -> PunchTrial {
    var trial = PunchTrial(alice: place, bob: place)
    trial.limit = .seconds(80)
    trial.change = { $0.searchesExhaustively = asked }
    return trial
  }

  /// A NAT that takes its ports from a block, as carriers' do, and looks at the remote address, and perhaps its port.
  private static func narrow(_ mapping: NATKind.Dependence, ports: ClosedRange<UInt16>) -> Place {
    var place = Place(NATKind(mapping: mapping, allocation: .random(.unreserved)), named: "narrow")
    place.boxes[0].ports = ports
    place.boxes[0].keepsPortClass = false
    return place
  }

  @Test("is not made unless both ask for it")
  func unasked() async throws {
    let place = Self.narrow(.addressAndPortDependent, ports: 40_960...43_007)
    let outcome = try await trial(place, asked: false).run(seed: 1)
    #expect(!outcome.isDirect)
    #expect(outcome.packets < 500)
  }

  @Test("connects more than half of those whose ports are others for each port")
  func byPort() async throws {
    let place = Self.narrow(.addressAndPortDependent, ports: 40_960...43_007)
    var direct = 0
    for seed in 1...20 as ClosedRange<UInt64> {
      let outcome = try await trial(place, asked: true).run(seed: seed)
      if outcome.isDirect, outcome.agree { direct += 1 }
      #expect(outcome.packets < 2 * 2048 + 600)
    }
    // 63 % are expected; and chance is chance.
    #expect((8...18).contains(direct), "\(direct)")
  }

  @Test("connects all whose ports are others for each address alone", arguments: 1...3 as ClosedRange<UInt64>)
  func byAddress(seed: UInt64) async throws {
    let place = Self.narrow(.addressDependent, ports: 32_768...60_999)
    let outcome = try await trial(place, asked: true).run(seed: seed)
    #expect(outcome.isDirect && outcome.agree)
    #expect(outcome.packets <= 2 * SearchProfile.exhaustive.probes)
  }
}
