import WarrenMachine

/// A port that the system gives nobody by itself: for whoever leaves it, and has to come back to it.
public func restingPort(on machine: any Machine) -> UInt16 {
  var random = machine.random
  return UInt16.random(in: 20_000..<32_000, using: &random)
}
