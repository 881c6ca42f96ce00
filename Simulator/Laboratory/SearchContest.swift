import Warren

/// The search for the port of a hard NAT, ours beside those of others, over many seeds.
public struct SearchContest: Sendable {
  /// One who takes part.
  public struct Entry: Sendable {
    /// Whose it is.
    public let name: String
    let run: @Sendable (UInt64) async throws -> (Duration?, Int)
  }

  /// Those who take part.
  public let entries: [Entry]

  /// An easy NAT against one that takes any port, with so much loss and 25 ms one way.
  public init(loss: Double = 0.05) {
    let ours = [
      ("Warren, normal", SearchProfile.normal), ("Warren, polite", .polite), ("Warren, fast", .fast),
    ]
    entries =
      ours.map { name, profile in
        Entry(name: name) { seed in
          var trial = PunchTrial(alice: .portRestricted, bob: .random)
          trial.loss = loss
          trial.change = { $0.search = profile }
          let outcome = try await trial.run(seed: seed)
          return (outcome.isDirect ? outcome.searched : nil, outcome.bytes)
        }
      }
      + [RivalSearch.hyperdht, .frp, .easyTier].map { rival in
        Entry(name: rival.name) { seed in
          let outcome = try await rival.run(seed: seed, loss: loss)
          return (outcome.found, outcome.bytes)
        }
      }
  }

  /// Pairs of which at least one counts, while others open so many mappings a second at each NAT.
  public static func counting(busy rate: Double) -> SearchContest {
    let easy: [Place] = [.public, .fullCone, .restricted, .portRestricted, .firewall, .sequential]
    return SearchContest(
      entries: easy.map { place in
        Entry(name: place.name) { seed in
          let outcome = try await PunchTrial(alice: place.busy(rate), bob: .sequential.busy(rate)).run(
            seed: seed)
          return (outcome.isDirect ? outcome.slowest : nil, outcome.bytes)
        }
      })
  }

  private init(entries: [Entry]) { self.entries = entries }

  /// Runs one of them with all seeds, on so many threads at once.
  public func run(_ entry: Entry, seeds: ClosedRange<UInt64>, threads: Int = 2) async throws -> Spread {
    var spread = Spread()
    for (time, bytes) in try await seeds.concurrentMap(threads, entry.run) { spread.add(time, bytes: bytes) }
    return spread
  }
}
