import WarrenSimulator

extension World.Configuration {
  /// Has so many of the packets between two machines lost: they pass two links on each way, which together lose so much.
  mutating func lose(_ share: Double) { access.loss = 1 - (1 - share).squareRoot() }
}
