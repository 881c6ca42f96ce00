import WarrenMachine

extension Packet {
  /// It as a wire carries it, with all headers and right checksums.
  ///
  /// It may have some bytes more than its ``size``: a SYN has the option that says in what its windows are counted, an IPv6 fragment its
  /// header, and an ICMP error all that is known of the packet that it quotes.
  public var bytes: [UInt8] {
    let whole = transportBytes
    guard let fragment else { return ipHeader(before: whole.count) + whole }
    let start = min(fragment.offset, whole.count)
    let part = whole[start..<min(start + fragment.length, whole.count)]
    return ipHeader(before: part.count) + part
  }

  // MARK: IP

  private func ipHeader(before count: Int) -> [UInt8] {
    switch source.ip.family {
    case .v4: ipv4Header(before: count)
    case .v6: ipv6Header(before: count)
    }
  }

  /// RFC 791, 3.1.
  private func ipv4Header(before count: Int) -> [UInt8] {
    var header: [UInt8] = [0x45, ecn.rawValue]
    header.put(UInt16(clamping: 20 + count))
    header.put(UInt16(truncatingIfNeeded: fragment.map { UInt64($0.identification) } ?? number))
    let mayNot: UInt16 = fragment == nil && !mayBeFragmented ? 0x4000 : 0
    let more: UInt16 = fragment?.isLast == false ? 0x2000 : 0
    header.put(mayNot | more | UInt16(truncatingIfNeeded: (fragment?.offset ?? 0) / 8))
    header += [hopLimit, nextHeader, 0, 0]
    header.put(source.ip)
    header.put(destination.ip)
    var checksum = InternetChecksum()
    checksum.add(header)
    header.put(checksum.value, at: 10)
    return header
  }

  /// RFC 8200, 3 and 4.5.
  private func ipv6Header(before count: Int) -> [UInt8] {
    var header: [UInt8] = []
    header.put(UInt32(6) << 28 | UInt32(ecn.rawValue) << 20)
    header.put(UInt16(clamping: (fragment == nil ? 0 : 8) + count))
    header += [fragment == nil ? nextHeader : 44, hopLimit]
    header.put(source.ip)
    header.put(destination.ip)
    if let fragment {
      header += [nextHeader, 0]
      header.put(UInt16(truncatingIfNeeded: fragment.offset) & 0xFFF8 | (fragment.isLast ? 0 : 1))
      header.put(fragment.identification)
    }
    return header
  }

  /// The number of what follows the IP header: ICMPv6 has another than ICMP.
  private var nextHeader: UInt8 {
    transport == .icmp && source.ip.family == .v6 ? 58 : transport.rawValue
  }

  // MARK: What it carries

  private var transportBytes: [UInt8] {
    switch content {
    case .udp(let payload):
      var bytes: [UInt8] = []
      bytes.put(source.port)
      bytes.put(destination.port)
      bytes.put(UInt16(clamping: 8 + payload.count))
      bytes.put(UInt16(0))
      bytes += payload.bytes
      // Zero would say that there is none (RFC 768).
      let checksum = checksum(of: bytes)
      bytes.put(checksum == 0 ? 0xFFFF : checksum, at: 6)
      return bytes
    case .tcp(let segment):
      var bytes = segment.bytes(from: source.port, to: destination.port)
      bytes.put(checksum(of: bytes), at: 16)
      return bytes
    case .icmp(let message):
      var bytes = message.bytes(in: self)
      bytes.put(checksum(of: bytes), at: 2)
      return bytes
    }
  }

  /// With the addresses (RFC 9293, 3.1; RFC 8200, 8.1), which ICMP for IPv4 leaves out (RFC 792).
  private func checksum(of bytes: [UInt8]) -> UInt16 {
    var checksum = InternetChecksum()
    if nextHeader != Transport.icmp.rawValue {
      checksum.add(source.ip)
      checksum.add(destination.ip)
      checksum.add(UInt32(bytes.count))
      checksum.add(UInt32(nextHeader))
    }
    checksum.add(bytes)
    return checksum.value
  }
}

extension TCPSegment {
  /// A window is counted in eights, which reaches beyond the largest of a simulated TCP's. A SYN says so (RFC 7323, 2.2).
  private static let windowShift: UInt8 = 3

  /// RFC 9293, 3.1; without its checksum.
  fileprivate func bytes(from source: UInt16, to destination: UInt16) -> [UInt8] {
    let isSYN = flags.contains(.syn)
    var bytes: [UInt8] = []
    bytes.put(source)
    bytes.put(destination)
    bytes.put(sequence)
    bytes.put(acknowledgement)
    bytes += [isSYN ? 0x60 : 0x50, flags.rawValue]
    // A window that is nearly closed is not shut.
    let unit = UInt64(1) << Self.windowShift
    bytes.put(UInt16(clamping: isSYN ? UInt64(window) : (UInt64(window) + unit - 1) / unit))
    bytes.put(UInt32(0))
    if isSYN { bytes += [1, 3, 3, Self.windowShift] }
    return bytes + payload.bytes
  }
}
