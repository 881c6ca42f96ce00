import WarrenMachine

/// How often each address may ask: a bucket of tokens, of which each question takes one, and which fills again with time.
struct RequestRates {
  private let rate: RequestRate
  /// Those who have asked lately are in the young half. When that is full it becomes the old one, and who is only in the one
  /// before is forgotten, its bucket being full: so that many addresses cost no more than a fixed amount of memory.
  private var young: [IPAddress: TokenBucket] = [:]
  private var old: [IPAddress: TokenBucket] = [:]
  private let capacity: Int

  /// Buckets that are full.
  ///
  /// - Parameter capacity: how many are remembered at most: a few megabytes.
  init(perSecond: Double, burst: Double, capacity: Int = 20_000) {
    rate = RequestRate(perSecond: perSecond, atOnce: burst)
    self.capacity = capacity
  }

  /// How many buckets are remembered.
  var count: Int { young.count + old.count }

  /// Takes a token.
  ///
  /// - Returns: nil if there was one; else when there is one again.
  mutating func take(for address: IPAddress, at now: Instant) -> Duration? {
    var bucket = young[address] ?? old[address] ?? TokenBucket(of: rate, at: now)
    let wait = bucket.take(at: rate, now)
    if young[address] == nil, young.count >= capacity / 2 {
      old = young
      young = [:]
    }
    young[address] = bucket
    return wait
  }
}
