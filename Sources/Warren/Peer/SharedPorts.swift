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
  private var borrowed: [UInt16: Borrowed] = [:]
  /// Connections whose ways are looked after, by what their probes are known.
  private var probed: [UInt32: ConnectionPaths] = [:]

  /// A socket that the endpoint has taken over, and the punchers that use it, with its numbers there.
  private struct Borrowed {
    let socket: any UDPSocket
    /// What it asks by itself.
    let watcher: MappingWatcher?
    var users: [(puncher: HolePuncher, number: Int)] = []
  }

  init(_ sockets: [any UDPSocket]) { self.sockets = sockets }

  func add(_ puncher: HolePuncher) { punchers.append(puncher) }

  func remove(_ puncher: HolePuncher) {
    punchers.removeAll { $0 === puncher }
    for channel in borrowed.keys { borrowed[channel]!.users.removeAll { $0.puncher === puncher } }
  }

  func add(_ paths: ConnectionPaths) { probed[paths.selector] = paths }

  func remove(_ paths: ConnectionPaths) {
    if probed[paths.selector] === paths { probed[paths.selector] = nil }
  }

  /// The endpoint has taken over a socket.
  func borrowed(_ socket: any UDPSocket, as channel: UInt16, _ watcher: MappingWatcher? = nil) {
    borrowed[channel] = Borrowed(socket: socket, watcher: watcher)
  }

  /// A puncher uses it as well.
  func share(_ channel: UInt16, with puncher: HolePuncher, _ number: Int) {
    borrowed[channel]?.users.append((puncher, number))
  }

  /// Whether it goes over TCP.
  func isTCP(_ channel: UInt16) -> Bool { borrowed[channel]?.socket is FramedSocket }

  /// The connection that went through it is over.
  func close(_ channel: UInt16) { borrowed.removeValue(forKey: channel).map(end) }

  private func end(_ entry: Borrowed) {
    entry.watcher?.stop()
    entry.socket.close()
  }

  func closeAll() {
    watcher?.stop()
    watcher = nil
    for socket in sockets { socket.close() }
    for (_, entry) in borrowed.sorted(by: { $0.key < $1.key }) { end(entry) }
    borrowed = [:]
    punchers = []
    probed = [:]
  }

  /// Hands on what is not QUIC's.
  func take(_ datagram: borrowing Datagram, on channel: Int) {
    if let selector = PathProbeSeal.selector(of: datagram.payload), let paths = probed[selector],
      paths.take(datagram.payload, on: NetworkPath(to: datagram.source, through: UInt16(channel)))
    {
      return
    }
    let bytes = datagram.payload.withUnsafeBytes { Array($0) }
    let (source, local) = (datagram.source, datagram.localIP)
    if let entry = borrowed[UInt16(channel)] {
      if entry.watcher?.take(bytes, from: source, on: 0) ?? false { return }
      for (puncher, number) in entry.users
      where puncher.assumeIsolated({ $0.feed(bytes, from: source, at: local, on: number) }) {
        return
      }
    } else if channel < sockets.count, watcher?.take(bytes, from: source, on: channel) != true {
      for puncher in punchers
      where puncher.assumeIsolated({ $0.feed(bytes, from: source, at: local, on: channel) }) {
        return
      }
    }
  }
}
