import WarrenMachine

/// A port that somebody wants mapped, through every attempt to get it; its mapper's own.
final class PortMappingLease {
  let id: Int
  let terms: PortMappingTerms
  var mapping: PortMapping?
  /// Whether it was ever mapped: then it is asked for again when it is lost.
  var wasMapped = false
  var isWithdrawing = false
  var attempt: PortMappingAttempt?
  var waits: [Wait<PortMapping>] = []
  /// Runs until the next attempt, and how long the one after that waits.
  var pause: MachineTimer?
  var nextPause = PortMappingLimits.firstReturn

  init(id: Int, _ terms: PortMappingTerms) {
    self.id = id
    self.terms = terms
  }

  func isFor(_ other: PortMappingTerms) -> Bool {
    (terms.transport, terms.localPort, terms.family) == (other.transport, other.localPort, other.family)
  }

  func endWaits(_ result: Result<PortMapping, any Error>) {
    waits.takeAll().endAll(result)
  }
}

/// One race for a mapping, and what it holds of the machine.
final class PortMappingAttempt {
  let number: Int
  var core: PortMappingCore
  /// A socket for each gateway, bound to the address that the gateway is to see.
  var sockets: [any UDPSocket] = []
  var timer: MachineTimer?
  var upnp: Task<Void, any Error>?

  init(number: Int, _ core: PortMappingCore) {
    self.number = number
    self.core = core
  }
}
