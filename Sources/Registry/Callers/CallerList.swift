/// Those who have called, no more than there may be.
struct CallerList<Session> {
  private(set) var all: [Caller<Session>] = []
  private let capacity: Int
  private let perAddress: Int

  /// A list without anybody.
  ///
  /// - Parameters:
  ///   - capacity: how many there are at most.
  ///   - perAddress: how many of one address.
  init(capacity: Int, perAddress: Int) {
    self.capacity = capacity
    self.perAddress = perAddress
  }

  /// Adds one.
  ///
  /// - Returns: who makes room for it, where there was none: of its own address if that has too many, else of all, the one
  ///   who has asked for nothing for the longest time.
  mutating func add(_ caller: Caller<Session>) -> Caller<Session>? {
    let neighbours = all.filter { $0.subscriber == caller.subscriber }
    let candidates = neighbours.count >= perAddress ? neighbours : all.count >= capacity ? all : []
    let idlest = candidates.min { $0.idleSince < $1.idleSince }
    if let idlest { remove(idlest) }
    all.append(caller)
    return idlest
  }

  mutating func remove(_ caller: Caller<Session>) { all.removeAll { $0 === caller } }

  mutating func takeAll() -> [Caller<Session>] {
    defer { all = [] }
    return all
  }
}
