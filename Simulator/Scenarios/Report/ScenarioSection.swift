import Warren
import WarrenSimulator

/// One scenario of a report: who is where, and one run of it in detail.
struct ScenarioSection {
  let report: ScenarioReport
  let entry: ScenarioReport.Entry
  let place: Int

  private var scenario: Scenario { entry.scenario }
  private var isWrong: Bool { !entry.verdict.failures.isEmpty }

  var html: Markup {
    """
    <details id="run\(place)" class="\(isWrong ? "wrong" : "right")"\((isWrong ? " open=\"open\"" : "") as Markup)>\
    <summary><h3>\(scenario.name)</h3> \(ScenarioTable.mark(entry.verdict))<span class="why">\(scenario.reason)</span></summary>\
    <p class="run">One run: seed \(entry.run.seed)\(isWrong ? ", the first that failed" : ""). See it event by event with \
    <code>\(report.replaying(entry, seed: entry.run.seed))</code></p>\(faults)\(topology)\(ways)\(sequence)</details>
    """
  }

  private var faults: Markup {
    var lines = entry.run.outcome?.judgement.faults.map(\.description) ?? []
    if let failure = entry.run.failure { lines.append("The run could not go on: \(failure)") }
    return lines.isEmpty ? "" : "<ul class=\"failures\">\(lines.map { "<li>\($0)</li>" as Markup })</ul>"
  }

  private var topology: Markup {
    let drawing = TopologyDrawing(scenario)
    return figure("Who is where", drawing.svg(title: "Who is where: \(drawing.words)"), class: "topology")
  }

  private var ways: Markup {
    guard let drawing = WaysDrawing(entry.run, of: scenario) else { return "" }
    return figure(
      "Ways over time",
      drawing.svg(title: "Which kinds of ways the connections of \(scenario.name) took when"), drawing.legend,
      class: "ways",
      key: ScenarioTable.waysKey
        + "<span class=\"key\"><svg aria-hidden=\"true\" class=\"ways\" width=\"10\" height=\"10\" viewBox=\"0 0 10 10\"><circle class=\"heard\" cx=\"5\" cy=\"5\" r=\"3.5\"/></svg> heard of each other</span>"
    )
  }

  private var sequence: Markup {
    let sequence = PacketSequence(entry.run, of: scenario)
    guard !sequence.arrows.isEmpty else { return "" }
    var more: [String] = []
    if sequence.leftOut.arrows > 0 {
      more.append(
        "\(sequence.leftOut.arrows.counted("more arrow")), of \(sequence.leftOut.packets.counted("packet")), until then are not drawn."
      )
    }
    if sequence.atHome > 0 {
      more.append(
        "\(sequence.atHome.counted("packet")) never left \(sequence.atHome == 1 ? "its" : "their") machine.")
    }
    let text = sequence.arrows.map { arrow -> Markup in
      let places = arrow.first.places.joined(separator: " → ")
      return "<li>\(places): \(arrow.title(since: sequence.start))</li>"
    }
    let words: Markup = """
      \(more.isEmpty ? "" : "<p class=\"more\">\(more.joined(separator: " "))</p>" as Markup)\
      <details class="words"><summary>The same in words</summary><ol>\(text)</ol></details>
      """
    let title =
      "The packets of \(scenario.name) between \(sequence.lanes.map(\.name).joined(separator: ", "))"
    return figure(
      "What was sent, from the first call until the answer",
      SequenceDrawing(sequence).svg(title: title), words, class: "sequence", key: Self.arrowsKey)
  }

  private static let arrowsKey: Markup = """
    <span class="key"><svg class="sequence" aria-hidden="true" width="26" height="10" viewBox="0 0 26 10"><g class="arrow"><path d="M1 5H25"/></g></svg> UDP</span>\
    <span class="key"><svg class="sequence" aria-hidden="true" width="26" height="10" viewBox="0 0 26 10"><g class="arrow tcp"><path d="M1 5H25"/></g></svg> TCP</span>\
    <span class="key"><svg class="sequence" aria-hidden="true" width="26" height="10" viewBox="0 0 26 10"><g class="arrow icmp"><path d="M1 5H25"/></g></svg> ICMP</span>\
    <span class="key"><svg class="sequence" aria-hidden="true" width="26" height="10" viewBox="0 0 26 10"><g class="arrow dead"><path d="M1 5H20"/><path class="cross" d="M16 1l8 8m0 -8l-8 8"/></g></svg> did not arrive</span>\
    <span class="key">sizes are of whole IP packets, with the port that they go to; short times are stretched, long ones pressed</span>
    """

  private func figure(
    _ title: Markup, _ picture: Markup, _ below: Markup = "", class name: Markup, key: Markup = ""
  ) -> Markup {
    """
    <figure class="\(name)"><figcaption><h4>\(title)</h4>\(key == "" ? "" : "<p class=\"keys\">\(key)</p>" as Markup)</figcaption>\
    <div class="wide" tabindex="0" role="region" aria-label="\(title)">\(picture)</div>\(below)</figure>
    """
  }
}
