import WarrenMachine

/// Which of an agent's sockets, in the order in which it was told of them.
public struct ICEBaseID: Hashable, Sendable {
  /// Its place.
  public let index: Int

  /// The socket at this place.
  public init(_ index: Int) { self.index = index }
}

/// A way on which packets pass both ways, and whose other end has the peer's credentials.
public struct ICEPath: Hashable, Sendable {
  /// Through which of our sockets.
  public var base: ICEBaseID
  /// The address of the other side.
  public var remote: SocketAddress
  /// How the other side's address was come by.
  public var remoteKind: Candidate.Kind
  /// How our own was.
  public var localKind: Candidate.Kind
  /// UDP or TCP.
  public var transport: Candidate.Transport
  /// The address under which the other side sees us.
  public var mapped: SocketAddress?
  /// How long the way there and back took, at last.
  public var roundTrip: Duration?

  /// Whether a relay is on it.
  public var isRelayed: Bool { localKind == .relayed || remoteKind == .relayed }

  /// Whether it is the same way as another, whatever has been measured on it.
  public func isSame(as other: ICEPath) -> Bool { base == other.base && remote == other.remote }
}

/// What an ICE agent tells of.
public enum ICEEvent: Hashable, Sendable {
  /// Packets pass on a way on which they had not.
  case opened(ICEPath)
  /// Both sides are to use this way.
  case selected(ICEPath)
  /// A way has fallen silent for longer than consent lasts.
  case lost(ICEPath)
  /// The other side sees a socket of ours at an address that we did not know.
  case learned(Candidate, ICEBaseID)
  /// Every pair has failed, and the time for patience is over.
  case failed
}

/// Where a datagram goes, and through which socket.
public struct ICETransmit: Hashable, Sendable {
  /// Through which of our sockets.
  public var base: ICEBaseID
  /// Where to.
  public var destination: SocketAddress
}
