import Testing
import Warren
import WarrenSimulator

@testable import WarrenScenarios

@Suite("A report of scenarios")
struct ScenarioReportTests {
  private static let alice = "</svg><script>alert(1)</script>"

  /// One whose author wishes us ill, and which goes wrong.
  private var hostile: Scenario {
    Scenario("<img src=x onerror=\"a()\">", why: "It's \"<b>\" & 'so'.") {
      Machine(Self.alice).behind(.symmetric)
      Machine("bob").behind(.portRestrictedCone)
    } timeline: {
      Step.connect(Self.alice, to: "bob", talking: .lasting(.seconds(2)))
      Step(at: .seconds(1), .reboot("\(Self.alice)'s NAT", isElsewhere: false))
    } expecting: {
      Expectation.connection(Self.alice, to: "bob", Expectation.Wishes(within: .milliseconds(1)))
    }
  }

  private func report(_ scenarios: [Scenario], chaotic: Bool = false) async throws -> ScenarioReport {
    var options = Scenario.Options()
    options.isChaotic = chaotic
    var report = ScenarioReport(seeds: 1...2, isChaotic: chaotic)
    for scenario in scenarios {
      let verdict = try await ScenarioSweep(scenario, options).run(seeds: 1...2, jobs: 2)
      report.entries.append(
        await ScenarioReport.Entry(scenario, word: scenario.name, verdict, seeds: 1...2, options))
    }
    return report
  }

  private func expectSound(_ html: String) -> Page {
    let page = Page(html)
    #expect(page.mistakes.isEmpty)
    for scheme in ["http:", "https:", "//", "url(", "@import"] {
      #expect(!html.contains(scheme), "\(scheme)")
    }
    for element in ["link", "img", "iframe", "object", "base"] { #expect(!page.elements.contains(element)) }
    #expect(page.elements.count { $0 == "script" } == 1 && page.elements.count { $0 == "style" } == 1)
    #expect(!page.attributes.contains { $0.name.hasPrefix("on") })
    let ids = Set(page.values(of: "id"))
    for link in page.values(of: "href") {
      #expect(link.hasPrefix("#") && ids.contains(String(link.dropFirst())))
    }
    for name in page.values(of: "aria-labelledby") { #expect(ids.contains(name)) }
    return page
  }

  @Test("hostile names are text; what went wrong comes first, with its seeds and the command that shows it")
  func hostileNames() async throws {
    let report = try await report([try Scenario(named: "open-open"), hostile])
    let page = expectSound(report.html)
    #expect(
      page.text.contains(hostile.name) && page.text.contains(hostile.reason) && page.text.contains(Self.alice)
    )
    #expect(page.text.contains("1 of 2 scenarios is wrong."))
    #expect(page.text.contains("✗ wrong in 2 of 2") && page.text.contains("seed 2"))
    #expect(page.text.contains("warren simulate --replay '\(hostile.name)' --seed 1"))
    let (wrong, right) = (page.text.firstRange(of: hostile.name), page.text.firstRange(of: "open-open"))
    #expect(try #require(wrong).lowerBound < #require(right).lowerBound)
    // The picture of what was sent, of who is where, and of ways over time; and in the latter what happened.
    #expect(page.values(of: "class").count { $0 == "topology" || $0 == "sequence" || $0 == "ways" } >= 6)
    #expect(
      page.text.contains("has heard of bob, after ") && page.text.contains("\(Self.alice)'s NAT reboots"))
  }

  @Test("each picture has a title, and what a colour says a word says, too")
  func accessible() async throws {
    let page = expectSound(try await report([hostile]).html)
    let pictures = page.attributes.count { $0.element == "svg" && $0.name == "role" && $0.value == "img" }
    #expect(pictures > 3 && page.elements.count { $0 == "title" } > pictures)
    #expect(
      pictures + page.attributes.count { $0.element == "svg" && $0.name == "aria-hidden" }
        == page.elements.count { $0 == "svg" })
    #expect(page.elements.count { $0 == "h1" } == 1 && page.elements.contains("h4"))
    #expect(page.text.contains("✗ wrong") && page.text.contains("The same in words"))
  }

  @Test("the same seeds make the same page, byte for byte, chaos and all")
  func same() async throws {
    let one = try await report([hostile], chaotic: true).html
    #expect(try await report([hostile], chaotic: true).html == one)
    #expect(Page(one).mistakes.isEmpty && one.contains("--chaos"))
  }

  @Test("names every scenario, and draws where everything is; of a run that broke off it says why")
  func everyName() throws {
    var report = ScenarioReport(seeds: 1...1)
    for name in Scenario.names {
      let scenario = try Scenario(named: name)
      let run = RunInDetail(seed: 1, failure: "it is <stuck>", recording: Recording(scenario))
      report.entries.append(
        ScenarioReport.Entry(
          scenario: scenario, verdict: ScenarioSweep.Verdict(name: name), run: run, word: name))
    }
    report.heatMaps = [HeatMap("all", rows: ["a"], columns: ["b"])]
    let page = expectSound(report.html)
    for entry in report.entries {
      #expect(page.text.contains(entry.scenario.name) && page.text.contains(entry.scenario.reason))
      for name in entry.scenario.machineNames + entry.scenario.boxNames { #expect(page.text.contains(name)) }
    }
    #expect(page.text.contains("The run could not go on: it is <stuck>") && page.text.contains("At a glance"))
    #expect(expectSound(ScenarioReport(seeds: 1...1).html).text.contains("Nothing was tried."))
  }

  @Test("a run is kept from its first call on, with how much arrived when")
  func recording() async throws {
    let scenario = try Scenario(named: "wifi-to-cellular")
    let run = await RunInDetail(of: scenario, seed: 1)
    let outcome = try #require(run.outcome)
    let first = try #require(run.recording.events.first)
    #expect(first.time >= outcome.begun && run.recording.lastEarlier > 0)
    let beats = try #require(run.recording.arrivals["bob"])
    // Somebody who says something every 20 ms is heard five times in a tenth of a second; who is nowhere for 0.8 s is not.
    #expect(beats[50] >= 5 && beats[104] < beats[50] && beats[150] >= 5)
    #expect(run.recording.arrivals["registry"] == nil)
    let talk = try #require(run.firstTalk)
    #expect(try #require(talk.ended) > .seconds(29) && outcome.length > .seconds(10_000))
    let drawing = try #require(WaysDrawing(run, of: scenario))
    #expect(drawing.legend.text.contains("<b>10 s</b> alice goes behind mobile network"))
  }
}
