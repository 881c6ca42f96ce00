import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// How it finds the first of the others.
extension Mesh {
  /// Looks for somebody who was named at the beginning, until somebody is there; and again when nobody is.
  func bootstrap(_ bootstrap: Bootstrap) async {
    var pause = MeshLimits.firstRetry
    let first = bootstrap == .registry ? MeshLimits.firstReunion : MeshLimits.reunion
    var reunion = first
    while !isClosed {
      do {
        if let id = try await begin(with: bootstrap) { happened.append(.bootstrapped(by: id, as: bootstrap)) }
        pause = MeshLimits.firstRetry
      } catch {
        if isClosed { return }
        happened.append(.bootstrapFailed(bootstrap, because: "\(error)", retry: pause))
      }
      let next = machine.now.advanced(by: reunion)
      repeat {
        var random = machine.random
        // Parts of a mesh that know nothing of each other, or have forgotten each other, meet where they began.
        let rest = isServed(bootstrap) ? machine.now.duration(to: next) : pause
        let time =
          max(MeshLimits.firstRetry, min(pause, rest)) * Double.random(in: 0.75..<1.25, using: &random)
        guard (try? await machine.sleep(for: time)) != nil else { return }
        pause = min(pause * 2, MeshLimits.lastRetry)
      } while isServed(bootstrap) && machine.now < next
      reunion = isServed(bootstrap) ? min(reunion * 4, MeshLimits.reunion) : first
    }
  }

  /// Whether nothing is to be looked for at present.
  private func isServed(_ bootstrap: Bootstrap) -> Bool {
    guard case .peer(let id, _) = bootstrap else { return links.values.contains(where: \.isOpen) }
    return core.membership.isThere(id)
  }

  /// - Returns: who has let it in; nobody where that was not needed.
  private func begin(with bootstrap: Bootstrap) async throws -> PeerID? {
    switch bootstrap {
    case .peer(let id, let addresses):
      if id == self.id || core.membership.isThere(id) { return nil }
      return try await meet(try await peer.connect(to: id, at: addresses))
    case .address(let address): return try await meet(try await peer.connect(at: [address]))
    case .registry: return try await beginWithListed()
    }
  }

  private func meet(_ connection: Connection) async throws -> PeerID? {
    try await greet(connection)
    return connection.peer
  }

  /// Tries one after the other of those whom the registry lists, and not all that come at once the same one: it would have no
  /// room for them.
  private func beginWithListed() async throws -> PeerID? {
    let wasServed = isServed(.registry)
    var random = machine.random
    let listed = try await peer.find(
      beginningWith: Self.registryBeginning(configuration.mesh), atMost: MeshLimits.listed)
    var failure: (any Error)?
    // Who has neighbours looks for a part of the mesh that it knows nothing of: most of the strangers are of it then.
    var tries = wasServed ? MeshLimits.foundAgain : MeshLimits.found
    for id in listed.shuffled(using: &random) where id != self.id && !core.membership.isThere(id) {
      // Enough were tried, or somebody has come meanwhile.
      if tries == 0 || !wasServed && isServed(.registry) { break }
      tries -= 1
      do { return try await meet(try await peer.connect(to: id)) } catch { failure = error }
    }
    if let failure, !isServed(.registry) { throw failure }
    return nil
  }
}
