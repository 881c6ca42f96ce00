import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenTraversal

/// At an address that the other side has named somebody else may be, and answer sooner: all homes use the same private addresses.
extension Peer {
  /// Waits for a handshake. Where a stranger ends it, it is begun anew at the other addresses, and the other side is told.
  ///
  /// - Parameter addresses: where the other side may be, besides where the registry sees it.
  func establishedAmongStrangers(
    _ first: Handshake, of approach: Approach, at addresses: [SocketAddress]
  ) async throws -> Connection {
    var handshake = first
    while true {
      do {
        return try await established(handshake, of: approach)
      } catch let error as QUICError {
        guard let peer = approach.peer, let stranger = await handshake.endedBy?.remote,
          !approach.isOver, approach.strangers.count < PeerLimits.strangers
        else { throw error }
        approach.strangers.append(stranger)
        let others = (addresses + approach.seen).filter { !approach.strangers.contains($0) }
        guard !others.isEmpty else { throw error }
        handshake = try await endpoint.beginHandshake(with: peer)
        approach.handshake = handshake
        await tell(of: handshake, approach)
        await add(others, to: handshake, of: approach)
      }
    }
  }

  /// The other side waits for what was begun before, and a puncher may have found more.
  private func tell(of handshake: Handshake, _ approach: Approach) async {
    if let introduction = approach.introduction {
      await client?.signal(introduction, PeerSignal.flight(handshake.flight).encoded)
    }
    guard let puncher = approach.puncher else { return }
    for path in await puncher.paths {
      if let way = way(path, of: puncher, approach) { await handshake.add(way) }
    }
  }
}
