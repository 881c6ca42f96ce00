/// A machine's chance as a `RandomNumberGenerator`, for `shuffle(using:)` and its like.
public struct MachineRandom: RandomNumberGenerator {
  private let machine: any Machine

  fileprivate init(machine: any Machine) { self.machine = machine }

  /// Eight bytes of the machine's chance.
  public mutating func next() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) { machine.fillRandom($0) }
    return value
  }
}

extension Machine {
  /// This machine's chance.
  public var random: MachineRandom { MachineRandom(machine: self) }

  /// So many random bytes.
  public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      fillRandom(UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }
}
