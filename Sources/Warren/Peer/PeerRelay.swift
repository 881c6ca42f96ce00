import WarrenRelay

/// An address that a relay has given this peer: all its connections share it. Used on the machine's executor alone.
final class PeerRelay: @unchecked Sendable {
  let socket: RelayedSocket
  /// Its number at the endpoint.
  let channel: UInt16

  init(_ socket: RelayedSocket, as channel: UInt16) {
    self.socket = socket
    self.channel = channel
  }
}
