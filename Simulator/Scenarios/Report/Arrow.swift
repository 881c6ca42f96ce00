import Warren
import WarrenSimulator

/// One packet of a drawing, or several that went the same way soon after each other.
struct Arrow {
  /// The first one, and the last.
  var first, last: Journey
  var count = 1
  var sizes: ClosedRange<Int>
  /// The ports that they were sent to.
  var ports: Set<UInt16>

  init(_ journey: Journey) {
    (first, last) = (journey, journey)
    sizes = journey.size...journey.size
    ports = [journey.start.packet.destination.port]
  }

  /// What all packets of an arrow have in common.
  private struct Way: Hashable {
    var places: [String]
    var transport: Transport
    var detail: String
    var end: Journey.End

    init(_ journey: Journey) {
      (places, transport, end) = (journey.places, journey.start.packet.transport, journey.end)
      detail = journey.start.packet.kindOfSegment
    }
  }

  /// Journeys as arrows, in the order in which they begin.
  static func folding(_ journeys: [Journey]) -> [Arrow] {
    var arrows: [Arrow] = []
    var open: [Way: Int] = [:]
    for journey in journeys where !journey.isAtHome {
      let way = Way(journey)
      if let place = open[way], arrows[place].pause(before: journey) <= ScenarioLimits.burst {
        arrows[place].add(Arrow(journey))
      } else {
        open[way] = arrows.count
        arrows.append(Arrow(journey))
      }
    }
    return foldingSearches(arrows)
  }

  /// Many packets of one size become one arrow even where there are pauses between them.
  private static func foldingSearches(_ arrows: [Arrow]) -> [Arrow] {
    var runs: [[Int]] = []
    var open: [Way: Int] = [:]
    for (place, arrow) in arrows.enumerated() {
      let way = Way(arrow.first)
      if let run = open[way], let last = runs[run].last, arrows[last].sizes == arrow.sizes,
        arrows[last].pause(before: arrow.first) <= ScenarioLimits.search
      {
        runs[run].append(place)
      } else {
        open[way] = runs.count
        runs.append([place])
      }
    }
    // Each stands where its first one did: that is the order of the runs.
    return runs.flatMap { run -> [Arrow] in
      let members = run.map { arrows[$0] }
      guard members.reduce(0, { $0 + $1.count }) >= ScenarioLimits.searchPackets else { return members }
      return [members.dropFirst().reduce(into: members[0]) { $0.add($1) }]
    }.sorted {
      ($0.first.start.time, $0.first.start.packet.number) < (
        $1.first.start.time, $1.first.start.packet.number
      )
    }
  }

  private func pause(before journey: Journey) -> Duration { last.start.time.duration(to: journey.start.time) }

  private mutating func add(_ other: Arrow) {
    last = other.last
    count += other.count
    sizes = min(sizes.lowerBound, other.sizes.lowerBound)...max(sizes.upperBound, other.sizes.upperBound)
    ports.formUnion(other.ports)
  }

  // MARK: In words

  /// `1252 B :3478`, `48–1252 B × 3 :3478`, `SYN 60 B :443`, `124 B × 240, 240 ports`.
  var label: String {
    let packet = first.start.packet
    let size = sizes.count == 1 ? "\(sizes.lowerBound)" : "\(sizes.lowerBound)–\(sizes.upperBound)"
    let kind = [packet.transport == .udp ? "" : packet.kindOfSegment, "\(size) B"]
    let port =
      ports.count > 1
      ? ", \(ports.count.reading) ports" : packet.transport == .icmp ? "" : " :\(ports.first ?? 0)"
    return kind.filter { !$0.isEmpty }.joined(separator: " ") + (count > 1 ? " × \(count.reading)" : "")
      + port
  }

  /// What is said of it to whoever asks.
  func title(since start: Instant) -> String {
    let packet = first.start.packet
    let begin = start.duration(to: first.start.time)
    let name = packet.transport == .udp ? "UDP" : packet.kindOfSegment
    var text = count == 1 ? "#\(packet.number) " : "\(count.reading) packets from #\(packet.number) on, "
    text += "\(name), \(packet.source) → \(packet.destination), "
    text +=
      sizes.count == 1 ? "\(sizes.lowerBound) bytes" : "\(sizes.lowerBound) to \(sizes.upperBound) bytes"
    if ports.count > 1 { text += ", to \(ports.count.reading) ports" }
    text += ", after \(begin.reading)"
    if count > 1 { text += " to \(start.duration(to: last.start.time).reading)" }
    switch first.end {
    case .arrived:
      text += "; there after \(first.start.time.duration(to: first.stops.last!.time).reading)"
    case .refused(let reason): text += "; ended at \(first.stops.last!.place): \(reason)"
    case .lost(let reason): text += "; ended on the way: \(reason)"
    case .open: text += "; not seen again within this picture"
    }
    return text
  }
}

extension Trace.Summary {
  /// `SYN+ACK`, `TCP`, `ICMP: unreachable`; nothing for UDP.
  fileprivate var kindOfSegment: String {
    switch (transport, detail) {
    case (.udp, _): ""
    case (.tcp, .segment(let flags, _, _)):
      flags.contains(.syn) || flags.contains(.rst) || flags.contains(.fin) ? "\(flags)" : "TCP"
    case (.tcp, _): "TCP"
    case (.icmp, .failure(.tooLarge)): "ICMP too large"
    case (.icmp, .failure(.hopLimitExceeded)): "ICMP hop limit"
    case (.icmp, .failure): "ICMP unreachable"
    case (.icmp, _): "ICMP echo"
    }
  }
}
