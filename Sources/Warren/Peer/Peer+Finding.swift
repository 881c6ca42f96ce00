import WarrenCrypto
import WarrenMachine
import WarrenRegistry

extension Peer {
  /// Those whom the registry lists under names that begin like this, in its order.
  ///
  /// - Parameter limit: how many are wanted at most. A registry that lists thousands is asked for a part of them.
  public func find(beginningWith beginning: String, atMost limit: Int) async throws -> [PeerID] {
    guard let client else { throw PeerError(.noRegistry, "without a registry nobody is found by a name") }
    var found: [PeerID] = []
    var start: RegistryPage.Start?
    do {
      for _ in 0..<PeerLimits.pages {
        let page = try await client.list(from: start)
        for registration in page.registrations {
          guard case .key(let peer) = registration.owner, let name = registration.name,
            name.text.hasPrefix(beginning)
          else { continue }
          found.append(peer)
          if found.count >= limit { return found }
        }
        guard let next = page.next else { break }
        start = next
      }
    } catch let error as RegistryError {
      throw PeerError(error)
    }
    return found
  }
}
