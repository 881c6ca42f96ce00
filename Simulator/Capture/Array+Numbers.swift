import WarrenMachine

// Numbers and addresses, as they are written.
extension [UInt8] {
  /// Appends a number as networks write it.
  mutating func put(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends a number with its lowest byte first.
  mutating func put(little number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends an address.
  mutating func put(_ ip: IPAddress) {
    switch ip.family {
    case .v4: put(ip.v4Bits)
    case .v6:
      put(ip.high)
      put(ip.low)
    }
  }

  /// Writes a number over what stands at `place`.
  mutating func put(_ number: UInt16, at place: Int) {
    self[place] = UInt8(number >> 8)
    self[place + 1] = UInt8(truncatingIfNeeded: number)
  }
}
