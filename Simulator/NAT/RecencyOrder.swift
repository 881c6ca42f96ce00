/// Lists of slots by when they were last used, linked through one array: constant time for every step.
///
/// A slot is in at most one list of an order.
struct RecencyOrder: Sendable {
  /// Where a list begins and ends; -1 for an empty one.
  struct Ends: Sendable {
    fileprivate(set) var oldest = -1
    fileprivate(set) var newest = -1
  }

  private struct Link: Sendable {
    var older = -1
    var newer = -1
  }

  private var links: [Link] = []

  mutating func append(_ slot: Int, to ends: inout Ends) {
    while links.count <= slot { links.append(Link()) }
    links[slot] = Link(older: ends.newest, newer: -1)
    if ends.newest >= 0 { links[ends.newest].newer = slot } else { ends.oldest = slot }
    ends.newest = slot
  }

  mutating func remove(_ slot: Int, from ends: inout Ends) {
    let link = links[slot]
    if link.older >= 0 { links[link.older].newer = link.newer } else { ends.oldest = link.newer }
    if link.newer >= 0 { links[link.newer].older = link.older } else { ends.newest = link.older }
    links[slot] = Link()
  }

  /// Makes `slot` the newest.
  mutating func touch(_ slot: Int, in ends: inout Ends) {
    guard ends.newest != slot else { return }
    remove(slot, from: &ends)
    append(slot, to: &ends)
  }

  /// The slot that was used next after `slot`; -1 if none.
  func newer(than slot: Int) -> Int { links[slot].newer }
}
