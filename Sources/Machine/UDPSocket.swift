/// A UDP socket of a machine, used by whoever runs on the machine's executor, and by nobody else.
///
/// Everything is a plain call: what arrives is handed to ``onDatagrams`` in batches, what leaves is taken from
/// a ``DatagramOutbox``. There is no task, no continuation and no copy per packet. It stays open until it is
/// closed, or its machine is, whoever still holds it.
public protocol UDPSocket: AnyObject {
  /// The machine it belongs to.
  var machine: any Machine { get }
  /// Where it is bound, with the port that the system chose.
  var localAddress: SocketAddress { get }

  /// Called with what has arrived. Datagrams wait in the system's buffer as long as it is nil.
  var onDatagrams: ((borrowing DatagramBatch) -> Void)? { get set }
  /// Called once when sending can go on after ``send(_:)`` left something in its outbox.
  var onWritable: (() -> Void)? { get set }
  /// Called with what routers and hosts reported about datagrams that this socket sent.
  var onDeliveryFailure: ((DeliveryFailure) -> Void)? { get set }

  /// Whether large datagrams may be cut into fragments on the way from now on: see ``UDPOptions/allowsFragmentation``. What is
  /// not the system's own socket leaves it as it is.
  var allowsFragmentation: Bool { get set }

  /// Sends what is in `outbox` without waiting.
  ///
  /// What the system did not take stays in the outbox: wait for ``onWritable``, and send again. A datagram
  /// that the system refuses for good is taken out and thrown as an error; what follows it stays, to be sent
  /// by the next call. It calls no handler before it returns: the outbox is in use.
  func send(_ outbox: inout DatagramOutbox) throws(NetworkError)

  /// Closes the socket and forgets its handlers. Closing twice is no error.
  func close()
}

extension UDPSocket {
  public var allowsFragmentation: Bool {
    get { false }
    set {}
  }

  /// Hands what arrives to an actor that is pinned to this socket's machine, by a plain call.
  ///
  /// The socket does not keep the actor alive.
  public func deliver<Owner: Actor>(
    to owner: Owner, _ body: @escaping (isolated Owner, borrowing DatagramBatch) -> Void
  ) {
    nonisolated(unsafe) let body = body
    onDatagrams = { [weak owner] batch in
      guard let owner else { return }
      // The closure below runs before this one returns; only the compiler's rule for sending makes it look later.
      nonisolated(unsafe) let runs = batch.runs
      owner.assumeIsolated { body($0, DatagramBatch(runs: runs)) }
    }
  }

  /// Sends all of `outbox`, and drops what cannot be sent now: for those to whom a datagram more or less is nothing.
  ///
  /// - Returns: how many datagrams were dropped.
  @discardableResult
  public func sendOrDrop(_ outbox: inout DatagramOutbox) -> Int {
    var dropped = 0
    while !outbox.isEmpty {
      do {
        try send(&outbox)
        dropped += outbox.count
        outbox.removeAll()
      } catch {
        switch error {
        // Nothing was taken out: trying again would never end.
        case .closed, .machineClosed:
          dropped += outbox.count
          outbox.removeAll()
        default: dropped += 1
        }
      }
    }
    return dropped
  }
}

/// How a UDP socket is to be.
public struct UDPOptions: Hashable, Sendable {
  /// The interface whose traffic alone it takes part in, by name.
  public var interface: String?
  /// Whether others may bind the same address and port (`SO_REUSEADDR` and `SO_REUSEPORT`).
  public var sharesPort = false
  /// Whether large datagrams may be cut into fragments on the way. When not, the way's limit is an error.
  public var allowsFragmentation = false
  /// Whether the kernel's splitting and joining of datagrams is used where it is there.
  public var usesOffload = true
  /// The size of the system's buffers; nil leaves it to the system.
  public var bufferBytes: Int?

  /// The usual: any interface, a port of its own, no fragments, all the speed there is.
  public init() {}
}

/// A report that a datagram did not arrive: an ICMP message, or its like.
public struct DeliveryFailure: Hashable, Sendable {
  /// What stood in the way.
  public enum Reason: Hashable, Sendable {
    /// Nothing has the port there.
    case portUnreachable
    /// No router knows a way there.
    case unreachable
    /// A firewall forbids it.
    case prohibited
    /// Its hop limit ran out.
    case hopLimitExceeded
    /// It is larger than some link, which carries so many bytes of IP packet.
    case tooLarge(mtu: Int)
  }

  /// What stood in the way.
  public var reason: Reason
  /// Where the datagram was to go.
  public var destination: SocketAddress
  /// Who reports.
  public var reporter: IPAddress
  /// The first bytes of the datagram's payload, as far as they came back.
  public var excerpt: [UInt8]

  /// A report.
  public init(reason: Reason, destination: SocketAddress, reporter: IPAddress, excerpt: [UInt8]) {
    self.reason = reason
    self.destination = destination
    self.reporter = reporter
    self.excerpt = excerpt
  }
}
