import WarrenCrypto
import WarrenMachine

/// Messages to one member alone, each delivered once and in order, across connections that break, without I/O.
package struct DirectCore {
  /// What is said over a connection that has just opened: of which life of the other side how many were taken.
  package struct Greeting: Hashable, Sendable {
    package var epoch: UInt64
    package var taken: UInt64

    package init(epoch: UInt64, taken: UInt64) {
      self.epoch = epoch
      self.taken = taken
    }
  }

  package struct Message: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
      case bytes = 1
      case text
      /// So many of the other side's broadcasts were not to be had any more: a number of eight bytes.
      case missed
    }

    package var kind: Kind
    package var payload: [UInt8]

    /// What it costs to keep.
    var cost: Int { payload.count + MeshLimits.messageCost }

    package init(_ kind: Kind, _ payload: [UInt8]) {
      self.kind = kind
      self.payload = payload
    }
  }

  private struct Outbox {
    /// What was not taken yet.
    var messages = NumberedQueue<Message>()
    var bytes = 0
    /// What goes over the present connection next; nil where there is none.
    var cursor: UInt64?
  }

  private struct Inbox {
    var epoch: UInt64
    var next: UInt64 = 1
    /// How many the other side was told of.
    var told: UInt64 = 1
  }

  private let window: Int
  private var outboxes: [PeerID: Outbox] = [:]
  private var inboxes: [PeerID: Inbox] = [:]

  package init(window: Int = MeshLimits.window) { self.window = window }

  // MARK: Sending

  /// Whether there is room for more: nobody has to remember what nobody takes.
  package func hasRoom(for id: PeerID) -> Bool { (outboxes[id]?.bytes ?? 0) <= window }

  package mutating func send(_ message: Message, to id: PeerID) {
    outboxes[id, default: Outbox()].messages.append(message)
    outboxes[id]!.bytes += message.cost
  }

  /// Whether something waits to be sent.
  package func hasSomething(for id: PeerID) -> Bool {
    guard let box = outboxes[id] else { return false }
    return !box.messages.isEmpty
  }

  /// To whom something waits to be sent, in their order.
  package var waiting: [PeerID] { outboxes.filter { !$0.value.messages.isEmpty }.keys.sorted() }

  /// The next message for it, with its number.
  package mutating func nextMessage(for id: PeerID) -> (number: UInt64, message: Message)? {
    guard let box = outboxes[id], let cursor = box.cursor, let message = box.messages[cursor] else {
      return nil
    }
    outboxes[id]!.cursor = cursor + 1
    return (cursor, message)
  }

  /// It has taken all before this number.
  ///
  /// - Returns: whether there can be so many.
  @discardableResult
  package mutating func taken(_ next: UInt64, by id: PeerID) -> Bool {
    guard let most = outboxes[id]?.messages.next else { return next == 1 }
    guard next <= most else { return false }
    // In place, since a copy for each answer would be a copy of all that waits.
    while outboxes[id]!.messages.first < next, let message = outboxes[id]!.messages.popFirst() {
      outboxes[id]!.bytes -= message.cost
    }
    return true
  }

  /// Nothing that waits will ever reach it.
  ///
  /// - Returns: how many there were.
  package mutating func giveUp(_ id: PeerID) -> Int {
    guard let box = outboxes[id] else { return 0 }
    let count = box.messages.count
    outboxes[id]!.messages.restart(at: box.messages.next)
    outboxes[id]!.bytes = 0
    return count
  }

  /// Nobody remembers it any more.
  package mutating func forget(_ id: PeerID) {
    outboxes[id] = nil
    inboxes[id] = nil
  }

  // MARK: Connections

  /// What the other side is told when a connection opens.
  package func greeting(for id: PeerID) -> Greeting {
    inboxes[id].map { Greeting(epoch: $0.epoch, taken: $0.next) } ?? Greeting(epoch: 0, taken: 1)
  }

  /// - Parameters:
  ///   - epoch: which life of the other side this is.
  ///   - greeting: what it has said; of an earlier life of this one it knows nothing that counts.
  ///   - own: this one's life.
  /// - Returns: whether that can be.
  package mutating func linked(with id: PeerID, epoch: UInt64, _ greeting: Greeting, own: UInt64) -> Bool {
    if inboxes[id]?.epoch != epoch { inboxes[id] = Inbox(epoch: epoch) }
    // What came over the last connection since that greeting was written is acknowledged anew.
    inboxes[id]!.told = 1
    var box = outboxes[id] ?? Outbox()
    // It has begun another life since, and counts from one.
    if greeting.epoch != own { box.messages.renumber(from: 1) }
    outboxes[id] = box
    if greeting.epoch == own {
      guard greeting.taken > 0, taken(greeting.taken, by: id) else { return false }
      // What was given up meanwhile is not missed by who does not know of it.
      if outboxes[id]!.messages.first > greeting.taken {
        outboxes[id]!.messages.renumber(from: greeting.taken)
      }
    }
    outboxes[id]!.cursor = outboxes[id]!.messages.first
    return true
  }

  package mutating func unlinked(from id: PeerID) { outboxes[id]?.cursor = nil }

  // MARK: Taking

  /// - Returns: whether it is new; nil where one before it is missing, which cannot be.
  package mutating func receive(_ number: UInt64, from id: PeerID) -> Bool? {
    guard let box = inboxes[id] else { return nil }
    if number < box.next { return false }
    guard number == box.next else { return nil }
    inboxes[id]!.next += 1
    return true
  }

  /// What the other side is to be told, if it was not.
  package mutating func acknowledge(_ id: PeerID) -> UInt64? {
    guard let box = inboxes[id], box.told < box.next else { return nil }
    inboxes[id]!.told = box.next
    return box.next
  }
}
