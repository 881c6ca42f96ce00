/// A core's chance: the same seed, the same decisions (SplitMix64).
struct MeshRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return RingPlace.mixed(state)
  }
}
