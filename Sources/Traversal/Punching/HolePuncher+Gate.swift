import WarrenMachine

/// One search at a time, where a ``SearchGate`` is given.
extension HolePuncher {
  /// Where it stands before the gate.
  enum AtGate {
    case outside, waiting, inside
  }

  /// Whether a search for a hidden port goes on, or waits for its turn.
  public var isSearching: Bool { core.isSearching || core.wantsSearch || core.isSampling }

  func passGate() {
    guard let gate = configuration.searchGate else {
      if core.wantsSearch { core.beginSearch(at: machine.now) }
      return
    }
    switch atGate {
    case .outside where core.wantsSearch:
      atGate = .waiting
      gate.wait { [weak self, machine] in
        machine.submit { [weak self] in
          guard let self else { return gate.leave() }
          self.assumeIsolated { $0.enterGate() }
        }
      }
    case .inside where !core.isSearching:
      atGate = .outside
      gate.leave()
    case .outside, .waiting, .inside: break
    }
  }

  private func enterGate() {
    atGate = .inside
    if !isClosed { core.beginSearch(at: machine.now) }
    leaveGateIfClosed()
    drain()
  }

  func leaveGateIfClosed() {
    guard isClosed, atGate == .inside else { return }
    atGate = .outside
    configuration.searchGate?.leave()
  }
}
