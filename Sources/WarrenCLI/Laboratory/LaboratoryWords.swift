import WarrenLaboratory
import WarrenOptions

/// What several of the laboratory's commands take.
enum LaboratoryWords {
  static let seed = Option<UInt64?>(
    "seed", .number, "the one seed to run; what happens is shown, event by event")
  static let loss = Option<Double>(
    "loss", .percent(atMost: 50), "how many of the packets are lost", default: 0)
  static let against = Option<String?>(
    "against", .file, "a file that says what is expected: what differs is shown, and is a failure")

  static func seeds(_ count: UInt64, atMost most: UInt64 = 1_000_000) -> Option<UInt64> {
    Option("seeds", .number(1...most), "how many seeds to run", default: count)
  }

  static let firstSeed = Option<UInt64>(
    "first-seed", .number(1...UInt64.max / 2), "the first of the seeds: those before were tried", default: 1)

  /// The seeds that `words` ask for.
  static func seeds(_ seeds: Option<UInt64>, from first: UInt64 = 1, in words: ParsedWords) -> ClosedRange<
    UInt64
  > {
    words[seed].map { $0...$0 } ?? first...first + words[seeds] - 1
  }
}

extension ValueKind where Value == Place {
  /// One of the matrix' places.
  static var place: ValueKind { .oneOf("PLACE", Place.all) { $0.name } }
}
