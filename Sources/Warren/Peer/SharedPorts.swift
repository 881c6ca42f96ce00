import WarrenMachine
import WarrenQUIC
import WarrenRelay
import WarrenTraversal

/// The ports of a peer, and the punchers that share them with its connections.
///
/// QUIC's packets are the endpoint's, STUN's are the punchers'; each of these knows its own. Used on the machine's executor alone.
final class SharedPorts: @unchecked Sendable {
  /// The sockets that are there from the beginning: their numbers are the endpoint's channels and the punchers' numbers.
  let sockets: [any UDPSocket]
  private var punchers: [HolePuncher] = []
  /// Looks after the mappings of these sockets.
  var watcher: MappingWatcher?
  /// Sockets that punchers have opened and the endpoint has taken over.
  private var borrowed: [UInt16: (puncher: HolePuncher, number: Int, socket: any UDPSocket)] = [:]

  init(_ sockets: [any UDPSocket]) { self.sockets = sockets }

  func add(_ puncher: HolePuncher) { punchers.append(puncher) }

  func remove(_ puncher: HolePuncher) { punchers.removeAll { $0 === puncher } }

  /// The endpoint has taken over a socket of a puncher's.
  func borrowed(_ socket: any UDPSocket, as channel: UInt16, from puncher: HolePuncher, _ number: Int) {
    borrowed[channel] = (puncher, number, socket)
  }

  /// Those of them that go by a relay.
  var relayChannels: [UInt16] { borrowed.filter { $0.value.socket is RelayedSocket }.keys.sorted() }

  /// The connection that went through it is over.
  func close(_ channel: UInt16) { borrowed.removeValue(forKey: channel)?.socket.close() }

  func closeAll() {
    watcher?.stop()
    watcher = nil
    for socket in sockets { socket.close() }
    for (_, entry) in borrowed.sorted(by: { $0.key < $1.key }) { entry.socket.close() }
    borrowed = [:]
    punchers = []
  }

  /// Hands on what is not QUIC's.
  func take(_ datagram: borrowing Datagram, on channel: Int) {
    let bytes = datagram.payload.withUnsafeBytes { Array($0) }
    let (source, local) = (datagram.source, datagram.localIP)
    if let entry = borrowed[UInt16(channel)] {
      entry.puncher.assumeIsolated { $0.feed(bytes, from: source, at: local, on: entry.number) }
    } else if channel < sockets.count, watcher?.take(bytes, from: source, on: channel) != true {
      for puncher in punchers {
        puncher.assumeIsolated { $0.feed(bytes, from: source, at: local, on: channel) }
      }
    }
  }
}
