// Addresses as text: IPv4 as four decimal numbers, IPv6 as RFC 4291 reads and RFC 5952 writes it.

extension IPAddress {
  /// The address that `text` spells: `192.0.2.1`, `2001:db8::1`, `fe80::1%2`.
  public init(_ text: some StringProtocol) throws(AddressError) {
    guard let address = IPAddress.parse(Array(text.utf8)) else { throw .notAnAddress(String(text)) }
    self = address
  }

  private static func parse(_ text: [UInt8]) -> IPAddress? {
    // The longest spelling: eight groups, the last two as IPv4, and a zone of ten digits.
    guard text.count <= 56 else { return nil }
    if let octets = parseV4(text) { return IPAddress(v4: octets) }
    return parseV6(text)
  }

  private static func parseV4(_ text: some Collection<UInt8>) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      guard let octet = decimal(part, below: 256) else { return nil }
      bits = bits << 8 | UInt32(octet)
    }
    return bits
  }

  private static func parseV6(_ text: [UInt8]) -> IPAddress? {
    var zone: UInt32 = 0
    var body = text
    if let percent = body.firstIndex(of: UInt8(ascii: "%")) {
      guard let index = decimal(body[(percent + 1)...], below: 1 << 32), index > 0 else { return nil }
      zone = UInt32(index)
      body = Array(body[..<percent])
    }

    let halves = splitAtGap(body)
    guard let head = groups(halves.head, mayEndInV4: halves.tail == nil),
      let tail = groups(halves.tail ?? [], mayEndInV4: true)
    else { return nil }
    let missing = 8 - head.count - tail.count
    // "::" stands for at least one group (RFC 5952, 4.2.2, asks writers; RFC 4291 readers).
    guard halves.tail == nil ? missing == 0 : missing >= 1 else { return nil }

    let all = head + Array(repeating: 0, count: missing) + tail
    func half(_ part: ArraySlice<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
    return IPAddress(v6: half(all[..<4]), half(all[4...]), zone: zone)
  }

  /// What stands before and after the first "::"; no tail where there is none.
  private static func splitAtGap(_ text: [UInt8]) -> (head: [UInt8], tail: [UInt8]?) {
    let colon = UInt8(ascii: ":")
    for index in text.indices.dropLast() where text[index] == colon && text[index + 1] == colon {
      return (Array(text[..<index]), Array(text[(index + 2)...]))
    }
    return (text, nil)
  }

  private static func groups(_ text: [UInt8], mayEndInV4: Bool) -> [UInt16]? {
    if text.isEmpty { return [] }
    var groups: [UInt16] = []
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if mayEndInV4, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
        guard let bits = parseV4(part) else { return nil }
        groups += [UInt16(bits >> 16), UInt16(bits & 0xFFFF)]
      } else {
        guard (1...4).contains(part.count) else { return nil }
        var group: UInt16 = 0
        for character in part {
          guard let digit = hexadecimal(character) else { return nil }
          group = group << 4 | UInt16(digit)
        }
        groups.append(group)
      }
    }
    return groups
  }

  private static func hexadecimal(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// The number that `digits` spell in decimal, if they are nothing else and it is below `limit`.
func decimal(_ digits: some Collection<UInt8>, below limit: UInt64) -> UInt64? {
  guard (1...10).contains(digits.count) else { return nil }
  // A leading zero is octal to some readers and decimal to others: refused.
  guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
  var value: UInt64 = 0
  for character in digits {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
    value = value * 10 + UInt64(character - UInt8(ascii: "0"))
  }
  return value < limit ? value : nil
}

extension IPAddress: CustomStringConvertible {
  /// The address as people write it; IPv6 in the one spelling of RFC 5952.
  public var description: String {
    switch family {
    case .v4:
      return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
    case .v6:
      let suffix = zone == 0 ? "" : "%\(zone)"
      if high == 0, low >> 32 == 0xFFFF { return "::ffff:\(canonical)\(suffix)" }
      return v6Text + suffix
    }
  }

  private var v6Text: String {
    let groups = (0..<8).map { index in
      UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64((3 - index % 4) * 16))
    }
    // RFC 5952, 4.2: the longest run of zeroes becomes "::", the first of equals, never a single group.
    var gap = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(gap.count, 1) { gap = start..<end }
      start = max(end, start + 1)
    }
    func text(_ range: Range<Int>) -> String {
      groups[range].map { String($0, radix: 16) }.joined(separator: ":")
    }
    return gap.isEmpty ? text(0..<8) : "\(text(0..<gap.lowerBound))::\(text(gap.upperBound..<8))"
  }
}
