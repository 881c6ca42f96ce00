import WarrenMachine
import WarrenRelay

/// An address that a relay has given this peer: all its connections share it. Used on the machine's executor alone.
final class PeerRelay: @unchecked Sendable {
  let socket: RelayedSocket
  /// Its number at the endpoint.
  let channel: UInt16
  /// Asks the registry by way of the relay, for its proof that the address is in use.
  let watcher: MappingWatcher

  init(_ socket: RelayedSocket, as channel: UInt16, _ watcher: MappingWatcher) {
    self.socket = socket
    self.channel = channel
    self.watcher = watcher
  }

  /// The registry is there. Whom it relays for itself is at its own address, which everybody knows.
  func watch(_ registries: [SocketAddress]) {
    let ip = socket.localAddress.ip
    watcher.watch(registries.contains { $0.ip == ip } ? [] : registries)
  }
}
