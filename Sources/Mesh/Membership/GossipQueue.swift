import WarrenCrypto
import WarrenMachine

/// What is to be passed on, and how often it was: of each member the newest alone, what somebody's life hangs on first, and then
/// what is new.
struct GossipQueue {
  private struct Item {
    let subject: PeerID
    let bytes: [UInt8]
    /// Of two about one member, the later counts.
    let number: UInt64
    let isUrgent: Bool
    var times = 0
  }

  private var urgent = Queue<Item>()
  private var fresh = Queue<Item>()
  private var told = Queue<Item>()
  private var newest: [PeerID: UInt64] = [:]
  private var count: UInt64 = 0

  var isEmpty: Bool { newest.isEmpty }
  var length: Int { newest.count }

  mutating func add(_ rumour: Rumour) {
    count += 1
    newest[rumour.subject] = count
    putBack(Item(subject: rumour.subject, bytes: rumour.encoded, number: count, isUrgent: rumour.isUrgent))
  }

  /// Nothing is passed on about it any more.
  mutating func remove(_ subject: PeerID) { newest[subject] = nil }

  /// Fills up a packet; what was passed on so often is done with.
  mutating func fill(_ packet: inout [UInt8], upTo size: Int, times: Int) {
    // What goes back to the end of its line has had its turn.
    for _ in 0..<urgent.count {
      if let item = urgent.popFirst(), !pass(item, into: &packet, upTo: size, times: times) { return }
    }
    for _ in 0..<fresh.count {
      if let item = fresh.popFirst(), !pass(item, into: &packet, upTo: size, times: times) { return }
    }
    for _ in 0..<told.count {
      if let item = told.popFirst(), !pass(item, into: &packet, upTo: size, times: times) { return }
    }
  }

  private mutating func putBack(_ item: Item) {
    if item.isUrgent {
      urgent.append(item)
    } else if item.times == 0 {
      fresh.append(item)
    } else {
      told.append(item)
    }
  }

  /// - Returns: whether there was room for it.
  private mutating func pass(_ item: Item, into packet: inout [UInt8], upTo size: Int, times: Int) -> Bool {
    guard newest[item.subject] == item.number else { return true }
    guard packet.count + item.bytes.count <= size else {
      putBack(item)
      return false
    }
    packet += item.bytes
    var item = item
    item.times += 1
    if item.times >= times { newest[item.subject] = nil } else { putBack(item) }
    return true
  }
}
