import WarrenCrypto
import WarrenMachine
import WarrenRegistry

/// Somebody whom the registry lists.
public struct ListedPeer: Hashable, Sendable {
  /// Who it is.
  public let id: PeerID
  /// What it is called; nil where its key is enough for it.
  public let name: RegistryName?
}

/// A registry, as a peer that is connected with it sees it.
public struct RegistryView: Hashable, Sendable {
  /// Where it is.
  public var address: SocketAddress
  /// Where it sees this peer.
  public var observed: SocketAddress
  /// By which name it finds this peer; nil where it does not, as the name is somebody else's perhaps.
  public var name: RegistryName?
  /// Whether it is talked to over UDP; where it is not, a firewall lets none through.
  public var usesUDP: Bool
  /// Where it relays for this peer; none where it does not.
  public var relays: [RelayServerAddress]
  /// How long it takes until an answer of it is there.
  public var roundTrip: Duration
}

extension Peer {
  /// Those whom the registry lists under names that begin like this, in its order.
  ///
  /// - Parameter limit: how many are wanted at most. A registry that lists thousands is asked for a part of them.
  public func find(beginningWith beginning: String, atMost limit: Int) async throws -> [PeerID] {
    try await listed(atMost: limit) { $0.name?.text.hasPrefix(beginning) ?? false }.map(\.id)
  }

  /// Those whom the registry lists, in its order.
  ///
  /// - Parameter isWanted: who is; the others do not count.
  public func listed(
    atMost limit: Int, where isWanted: (ListedPeer) -> Bool = { _ in true }
  ) async throws -> [ListedPeer] {
    let client = try registryClient()
    var found: [ListedPeer] = []
    var start: RegistryPage.Start?
    do {
      for _ in 0..<PeerLimits.pages where found.count < limit {
        let page = try await client.list(from: start)
        for registration in page.registrations {
          guard case .key(let id) = registration.owner, found.count < limit else { continue }
          let listed = ListedPeer(id: id, name: registration.name)
          if isWanted(listed) { found.append(listed) }
        }
        guard let next = page.next else { break }
        start = next
      }
    } catch let error as RegistryError {
      throw PeerError(error)
    }
    return found
  }

  /// Is called otherwise from now on, which others see who ask the registry; whoever has this name already keeps it.
  public func rename(to name: String) async throws {
    let client = try registryClient()
    do {
      let name = try RegistryName(name)
      do { try await client.rename(to: name) } catch let error as RegistryError
        where error.code == .notRegistered
      {
        try await register(as: name, with: client)
      }
      self.name = name
    } catch let error as RegistryError {
      throw PeerError(error)
    }
  }

  /// The name before was refused: nothing is there that could be renamed.
  private func register(as name: RegistryName, with client: RegistryClient) async throws {
    let before = self.name
    self.name = name
    do { try await client.announce(announcement) } catch {
      self.name = before
      await client.keep(announcement)
      throw error
    }
  }

  /// The registry, once it answers.
  public func registryView() async throws -> RegistryView {
    let client = try registryClient()
    // The first question may wait for the connection.
    _ = try await ask(client)
    let start = machine.now
    let known = try await ask(client)
    let time = start.duration(to: machine.now)
    guard let observed = await client.observedAddress, let address = await client.serverAddress else {
      throw PeerError(.noRegistry, "the registry was lost")
    }
    return RegistryView(
      address: address, observed: observed, name: known?.name, usesUDP: await client.usesUDP,
      relays: await client.relayServers, roundTrip: time)
  }

  /// Asks how this peer is known.
  private func ask(_ client: RegistryClient) async throws -> Registration? {
    do {
      return try await client.find(.key(id))
    } catch let error as RegistryError {
      if error.code == .notRegistered { return nil }
      throw PeerError(error)
    }
  }

  private func registryClient() throws(PeerError) -> RegistryClient {
    guard let client else { throw PeerError(.noRegistry, "without a registry nobody is found: name one") }
    return client
  }
}
