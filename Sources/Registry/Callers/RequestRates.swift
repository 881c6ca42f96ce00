import WarrenMachine

/// How often each address may ask: a bucket of tokens, of which each question takes one, and which fills again with time.
struct RequestRates {
  private struct Bucket {
    var tokens: Double
    var at: Instant
  }

  private let perSecond: Double
  private let burst: Double
  /// Those who have asked lately are in the young half. When that is full it becomes the old one, and who is only in the one
  /// before is forgotten, its bucket being full: so that many addresses cost no more than a fixed amount of memory.
  private var young: [IPAddress: Bucket] = [:]
  private var old: [IPAddress: Bucket] = [:]
  private let capacity: Int

  /// Buckets that are full.
  ///
  /// - Parameter capacity: how many are remembered at most: a few megabytes.
  init(perSecond: Double, burst: Double, capacity: Int = 20_000) {
    self.perSecond = perSecond
    self.burst = burst
    self.capacity = capacity
  }

  /// How many buckets are remembered.
  var count: Int { young.count + old.count }

  /// Takes a token.
  ///
  /// - Returns: nil if there was one; else when there is one again.
  mutating func take(for address: IPAddress, at now: Instant) -> Duration? {
    var bucket = young[address] ?? old[address] ?? Bucket(tokens: burst, at: now)
    bucket.tokens = min(burst, bucket.tokens + perSecond * (bucket.at.duration(to: now) / .seconds(1)))
    bucket.at = now
    let wait = bucket.tokens < 1 ? Duration.seconds((1 - bucket.tokens) / perSecond) : nil
    if wait == nil { bucket.tokens -= 1 }
    if young[address] == nil, young.count >= capacity / 2 {
      old = young
      young = [:]
    }
    young[address] = bucket
    return wait
  }
}
