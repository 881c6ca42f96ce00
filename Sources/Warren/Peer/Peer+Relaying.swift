import WarrenMachine
import WarrenQUIC
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

/// Where nothing direct opens, the registry's relay carries the packets; and where something better opens later, that does, in
/// the same connection.
extension Peer {
  /// The registry has said with what it relays.
  func learnRelays(from client: RegistryClient) async {
    let servers = await client.relayServers
    for ip in servers.compactMap({ try? IPAddress($0.host) }) { learn(relay: ip) }
  }

  private func learn(relay ip: IPAddress) {
    guard !relayIPs.contains(ip) else { return }
    if relayIPs.count >= PeerLimits.relays { relayIPs.removeFirst() }
    relayIPs.append(ip)
  }

  /// Gets an address from the relay, for a puncher to try with the others: both begin at once, and the relay is what it uses
  /// until there is something better.
  func relay(_ approach: Approach, of puncher: HolePuncher, _ client: RegistryClient) async throws {
    guard configuration.paths != .direct else { return }
    let servers = await client.relayServers
    guard !servers.isEmpty else { return }
    let socket = try await RelayClient.allocate(at: servers, on: machine)
    // Meanwhile others may have run: what is true now decides.
    guard !isClosed, !approach.isOver, approach.puncher === puncher, let ports else { return socket.close() }
    learn(relay: socket.localAddress.ip)
    let (channel, number) = adopt(socket, puncher)
    ports.borrowed(socket, as: channel, from: puncher, number)
    approach.channels[number] = channel
  }

  /// The connections' packets are the endpoint's, and STUN's the puncher's.
  private func adopt(_ socket: RelayedSocket, _ puncher: HolePuncher) -> (channel: UInt16, number: Int) {
    (endpoint.assumeIsolated { $0.use(socket) }, puncher.assumeIsolated { $0.addRelay(socket, isFed: true) })
  }

  /// A relay that is not on the way is not needed any more.
  func leaveRelay(of approach: Approach) async {
    let relays = ports?.relayChannels ?? []
    guard let (number, channel) = approach.channels.first(where: { relays.contains($0.value) }),
      let adopted = approach.connection ?? approach.mended, adopted.path.channel != channel
    else { return }
    approach.channels[number] = nil
    await endpoint.giveUp(channel)
    ports?.close(channel)
  }

  /// Whether a relay is on the way to a peer, its or this side's.
  public func isRelayed(_ path: NetworkPath) -> Bool {
    ports?.relayChannels.contains(path.channel) ?? false || relayIPs.contains(path.remote.ip)
  }
}
