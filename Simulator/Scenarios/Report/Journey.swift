import Warren
import WarrenSimulator

/// The way of one packet, from machine to machine.
struct Journey {
  /// A machine or NAT that it came by, and how it left there.
  struct Stop: Hashable {
    var place: String
    var time: Instant
    var packet: Trace.Summary
  }

  /// How it ended.
  enum End: Hashable {
    /// Where it should.
    case arrived
    /// At its last stop.
    case refused(String)
    /// Between its last stop and the next.
    case lost(String)
    /// Not within what is drawn, or within a NAT that it was meant for.
    case open
  }

  var stops: [Stop]
  var end = End.open

  var start: Stop { stops[0] }
  var places: [String] { stops.map(\.place) }
  var size: Int { start.packet.size }
  /// Whether its machine has sent it to itself.
  var isAtHome: Bool {
    stops.count == 1 && (end == .arrived || start.packet.source.ip == start.packet.destination.ip)
  }

  /// The journeys that events tell of, in the order in which they began.
  ///
  /// - Parameters:
  ///   - earlier: the number of the last packet that began before.
  ///   - places: the machines and NATs; all else are networks.
  static func all(in events: some Sequence<Trace.Event>, after earlier: UInt64, places: Set<String>)
    -> [Journey]
  {
    var journeys: [Journey] = []
    var latest: [UInt64: Int] = [:]
    for event in events {
      guard let packet = event.happening.packet, packet.number > earlier else { continue }
      let stop =
        places.contains(event.place) ? Stop(place: event.place, time: event.time, packet: packet) : nil
      guard var place = latest[packet.number] else {
        guard let stop, event.happening.isBeginning else { continue }
        latest[packet.number] = journeys.count
        journeys.append(Journey(stops: [stop]))
        continue
      }
      if journeys[place].end != .open {
        // It was doubled on its way: the second one's way is drawn from where it began.
        if stop == nil || stop!.place == journeys[place].stops.last!.place { continue }
        journeys.append(Journey(stops: [journeys[place].start]))
        place = journeys.count - 1
        latest[packet.number] = place
      }
      journeys[place].take(event.happening, at: stop)
    }
    return journeys
  }

  private mutating func take(_ happening: Trace.Happening, at stop: Stop?) {
    // The parts of what was too large for a link come one by one.
    let isNew = stop != nil && stop!.place != stops.last!.place
    if let stop, isNew { stops.append(stop) }
    switch happening {
    case .delivered: end = .arrived
    case .dropped(_, let reason): end = isNew || isAtHome ? .refused(reason) : .lost(reason)
    case .sent, .forwarded, .note: break
    }
  }
}

extension Trace.Happening {
  fileprivate var packet: Trace.Summary? {
    switch self {
    case .sent(let packet), .forwarded(let packet), .delivered(let packet), .dropped(let packet, _): packet
    case .note: nil
    }
  }

  fileprivate var isBeginning: Bool {
    switch self {
    case .sent, .forwarded: true
    case .delivered, .dropped, .note: false
    }
  }
}
