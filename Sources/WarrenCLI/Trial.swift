import Warren
import WarrenLaboratory
import WarrenSimulator

/// Shows packet by packet how two places of the matrix go about reaching each other.
struct Trial {
  /// How much of it is shown: what is longer is a search, and its packets are all alike.
  private static let keptEvents = 2000

  private var trial: PunchTrial
  private let seed: UInt64

  init(arguments: ArraySlice<String>) throws {
    let options = try Options(arguments.dropFirst(2), known: ["--seed", "--loss"], flags: ["--tcp"])
    let places = try arguments.prefix(2).map { name in
      guard let place = Place.all.first(where: { $0.name == name }) else {
        throw UsageError.unknownPlace(name, known: Place.all.map(\.name))
      }
      return place
    }
    guard places.count == 2 else { throw UsageError.unknownPlace("", known: Place.all.map(\.name)) }
    trial = PunchTrial(alice: places[0], bob: places[1])
    trial.loss = Double(min(try options.number("--loss") ?? 0, 50)) / 100
    trial.limit = .seconds(30)
    if options["--tcp"] != nil { trial.transports = [.tcp] }
    seed = try options.number("--seed") ?? 1
  }

  func run() async throws {
    let (outcome, trace) = try await trial.run(seed: seed, keptEvents: Self.keptEvents)
    for event in trace.events { print(event) }
    print("")
    guard let slowest = outcome.slowest, let path = outcome.path else {
      print("There is no direct way: \(outcome.failure ?? "the two sides did not agree on one").")
      return
    }
    print("A direct way \(slowest) after both knew of each other: \(path.local) to \(path.remote).")
    print("\(outcome.packets) packets, \(outcome.bytes) bytes, were sent to find it.")
  }
}
