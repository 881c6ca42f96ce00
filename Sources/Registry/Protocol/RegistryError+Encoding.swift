extension RegistryError.Code {
  /// As it is written in messages: never another's.
  private static let numbers: [(Self, UInt16)] = [
    (.badName, 1), (.nameTaken, 2), (.badAddress, 3), (.notRegistered, 4), (.badKey, 5), (.keyInUse, 6),
    (.nobodyWaits, 7), (.full, 8), (.denied, 9), (.notReachable, 10), (.tooFast, 11), (.badMessage, 12),
    (.noRegistry, 13), (.nobodyAsked, 14), (.away, 15),
  ]

  var number: UInt16 { Self.numbers.first { $0.0 == self }?.1 ?? 0 }

  init(number: UInt16) { self = Self.numbers.first { $0.1 == number }?.0 ?? .other }
}
