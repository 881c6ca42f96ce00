// Numbers in the order of the network.

extension RawSpan {
  package func number<Number: FixedWidthInteger & BitwiseCopyable>(at place: Int, as: Number.Type) -> Number {
    Number(bigEndian: unsafeLoadUnaligned(fromByteOffset: place, as: Number.self))
  }
}

extension OutputRawSpan {
  @_lifetime(self: copy self)
  package mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(number: Number) {
    append(number.bigEndian, as: Number.self)
  }
}
