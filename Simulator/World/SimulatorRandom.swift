/// A stream of chance drawn from a seed: xoshiro256**, which is quick and passes every test that matters here.
///
/// Each machine, link and NAT has a stream of its own, named after it, so that taking one of them out of a
/// scenario does not change what happens to the others.
public struct SimulatorRandom: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// The stream called `name` of a seed.
  public init(seed: UInt64, stream name: String = "") {
    // FNV-1a spreads the name, SplitMix64 fills the state, as the generator's authors advise.
    var mixer = name.utf8.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    func split() -> UInt64 {
      mixer &+= 0x9E37_79B9_7F4A_7C15
      var value = mixer
      value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
      return value ^ value >> 31
    }
    state = (split(), split(), split(), split())
  }

  /// The next 64 bits.
  @inline(__always)
  public mutating func next() -> UInt64 {
    let result = rotate(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotate(state.3, by: 45)
    return result
  }

  /// A number from 0 up to, but not, 1.
  @inline(__always)
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Whether something of this probability happens.
  @inline(__always)
  public mutating func chance(_ probability: Double) -> Bool { probability > 0 && unit() < probability }

  /// A number below `bound`, each equally likely but for a bias that no simulation can notice.
  @inline(__always)
  public mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  @inline(__always)
  private func rotate(_ value: UInt64, by count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
