import WarrenMachine
import WarrenSTUN

/// A TCP connection between a relayed address and a peer (RFC 6062, 5), as the server's core sees it.
struct RelayStream {
  /// How far it has come.
  enum Phase {
    /// It opens, since the client has asked for it: who is to be told what comes of it.
    case opening(Question)
    /// It is open, and nobody has claimed it yet.
    case unclaimed
    /// The connection of this client carries its bytes.
    case claimed(ServedClient)
  }

  /// A request whose answer has to wait (RFC 6062, 5.2).
  struct Question {
    var client: ServedClient
    var user: RelayGate.User
    var transaction: TransactionID
    var hasFingerprint: Bool
  }

  var number: RelayStreamNumber
  /// The slot of its allocation.
  var allocation: Int
  /// As the client knows it.
  var peer: SocketAddress
  var phase: Phase

  var claimant: ServedClient? { if case .claimed(let client) = phase { client } else { nil } }
}

/// A connection with a peer by its number.
public struct RelayStreamNumber: Hashable, Sendable {
  /// Where the core has it.
  var slot: Int
  /// As it is called in messages (RFC 6062, 6.2.1): nobody can guess it, so that a slot's next connection is another's.
  var id: UInt32
}

/// A connection that is to be opened.
public struct RelayDial: Hashable, Sendable {
  /// Which number it has.
  public var number: RelayStreamNumber
  /// The relayed address, which it comes from.
  public var from: SocketAddress
  /// Where it goes.
  public var to: SocketAddress
}
