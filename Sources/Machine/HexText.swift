extension Sequence<UInt8> {
  /// Two digits for each byte.
  package var hexText: String {
    reduce(into: "") { $0 += String($1 >> 4, radix: 16) + String($1 & 15, radix: 16) }
  }
}
