import Warren
import WarrenSimulator

/// What two peers say to each other over one connection, and how it goes. Used on the world's thread alone.
final class Conversation: @unchecked Sendable {
  let caller, called: String
  let talk: Step.Talk
  let number: Int
  /// When the connection was asked for, and the caller had heard of the called one.
  let asked: Instant
  var answered: Instant?
  /// The connection, as the caller has it.
  var connection: Connection?
  /// Why it was not, or not for long.
  var failure: (any Error)?
  /// What the caller hears, and the called one.
  let here = Heard()
  let there = Heard()
  /// The ways that it has taken, as the caller saw it.
  var ways: [Scenario.Way] = []
  /// Whether somebody has ended it, or a program of either side.
  var isCutShort = false

  init(_ number: Int, _ caller: String, _ called: String, _ talk: Step.Talk, at now: Instant) {
    (self.number, self.caller, self.called, self.talk, asked) = (number, caller, called, talk, now)
  }

  /// Whether more is to come.
  var isGoingOn: Bool {
    failure == nil && !isCutShort && !(here.isEnded && there.isEnded)
  }

  var kinds: [Path.Kind] { ways.map(\.kind) }

  var name: String { "\(caller) and \(called)" }

  /// How long nothing has come, at most, at either side.
  var silence: Duration { max(here.silence, there.silence) }

  /// How much each side says.
  var total: Int {
    switch talk {
    case .lasting(let length): Int(length / ScenarioLimits.interval) * ScenarioLimits.wordBytes
    case .bytes(let count): count
    }
  }

  /// After which time the last of what was said was heard, at either side; nil where nothing was.
  var lastWord: Duration? {
    lastHeard.map { asked.duration(to: $0) }
  }

  /// When something was heard last, at either side.
  var lastHeard: Instant? { [here.last, there.last].compactMap(\.self).max() }

  /// Whether both have heard all, and that it was all.
  var isWhole: Bool { here.isAll(of: total) && there.isAll(of: total) }

  /// What one side has heard.
  final class Heard {
    private(set) var count = 0
    /// Up to where it is what was said.
    private(set) var right = 0
    private(set) var isEnded = false
    private(set) var silence = Duration.zero
    private(set) var last: Instant?

    /// Whether all has come that was to come, and the word that it was all.
    func isAll(of total: Int) -> Bool { count == total && isEnded }

    /// Hears what the other side says, to its end.
    func hear(_ stream: Connection.Stream, _ world: World) async throws {
      last = world.now
      while let bytes = try await stream.read() { take(bytes, at: world.now) }
      isEnded = true
    }

    private func take(_ bytes: [UInt8], at now: Instant) {
      if let last { silence = max(silence, last.duration(to: now)) }
      last = now
      if right == count {
        var place = 0
        while place < bytes.count, bytes[place] == Conversation.byte(count + place) { place += 1 }
        right += place
      }
      count += bytes.count
    }
  }

  /// What stands at a place of what is said: it repeats nowhere near.
  static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 31 ^ place >> 8) }

  private static func bytes(_ places: Range<Int>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: places.count) { bytes, count in
      for place in places { bytes[place - places.lowerBound] = byte(place) }
      count = places.count
    }
  }

  /// Says all there is to say.
  func say(over stream: Connection.Stream, on machine: any Machine) async throws {
    let total = total
    var said = 0
    while said < total {
      switch talk {
      case .lasting:
        try await stream.write(Self.bytes(said..<said + ScenarioLimits.wordBytes))
        said += ScenarioLimits.wordBytes
        try await machine.sleep(for: ScenarioLimits.interval)
      case .bytes:
        let end = min(total, said + ScenarioLimits.pieceBytes)
        try await stream.write(Self.bytes(said..<end))
        said = end
      }
    }
    try await stream.finish()
  }
}
