import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// How it finds the first of the others.
extension Mesh {
  /// Looks for somebody who was named at the beginning, until somebody is there; and again when nobody is.
  func bootstrap(_ bootstrap: Bootstrap) async {
    var pause = MeshLimits.firstRetry
    var last = machine.now
    while !isClosed {
      do {
        for connection in try await reach(bootstrap) {
          try await greet(connection)
          if let id = connection.peer { happened.append(.bootstrapped(by: id, as: bootstrap)) }
        }
        pause = MeshLimits.firstRetry
      } catch {
        if isClosed { return }
        happened.append(.bootstrapFailed(bootstrap, because: "\(error)", retry: pause))
      }
      repeat {
        var random = machine.random
        guard (try? await machine.sleep(for: pause * Double.random(in: 0.75..<1.25, using: &random))) != nil
        else {
          return
        }
        pause = min(pause * 2, MeshLimits.lastRetry)
      } while isServed(bootstrap) && !isTimeForReunion(since: last)
      last = machine.now
    }
  }

  /// Parts of a mesh that have forgotten each other meet where they began.
  private func isTimeForReunion(since last: Instant) -> Bool {
    last.duration(to: machine.now) >= MeshLimits.reunion
  }

  /// Whether nothing is to be looked for at present.
  private func isServed(_ bootstrap: Bootstrap) -> Bool {
    guard case .peer(let id, _) = bootstrap else { return links.values.contains(where: \.isOpen) }
    return core.membership.isThere(id)
  }

  private func reach(_ bootstrap: Bootstrap) async throws -> [Connection] {
    switch bootstrap {
    case .peer(let id, let addresses):
      if id == self.id || core.membership.isThere(id) { return [] }
      return [try await peer.connect(to: id, at: addresses)]
    case .address(let address): return [try await peer.connect(at: [address])]
    case .registry:
      for id in try await peer.find(
        beginningWith: Self.registryBeginning(configuration.mesh), atMost: MeshLimits.found)
      {
        if id == self.id || core.membership.isThere(id) { continue }
        if let connection = try? await peer.connect(to: id) { return [connection] }
      }
      return []
    }
  }
}
