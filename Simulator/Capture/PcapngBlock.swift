/// The blocks of a pcapng file, as bytes (draft-ietf-opsawg-pcapng).
enum PcapngBlock {
  /// What more a block says.
  struct Option {
    var code: UInt16
    var value: [UInt8]

    /// `opt_comment`, in every block.
    static func comment(_ text: String) -> Option { Option(code: 1, text) }

    init(code: UInt16, _ text: String) {
      (self.code, value) = (code, Array(text.utf8.prefix(SimulatorLimits.captureText)))
    }

    init(code: UInt16, _ value: [UInt8]) { (self.code, self.value) = (code, value) }
  }

  /// What begins the file (4.1).
  static func section(_ comment: String) -> [UInt8] {
    var body: [UInt8] = []
    body.put(little: UInt32(0x1A2B_3C4D))
    body.put(little: UInt16(1))
    body.put(little: UInt16(0))
    // How long it is, is not known yet.
    body.put(little: Int64(-1))
    return block(0x0A0D_0D0A, body, [.comment(comment), Option(code: 4, "Warren")])
  }

  /// Where packets are seen: of raw IP, in nanoseconds (4.2).
  static func interface(_ name: String, _ description: String) -> [UInt8] {
    var body: [UInt8] = []
    body.put(little: UInt16(101))
    body.put(little: UInt16(0))
    body.put(little: UInt32(0))
    return block(
      1, body, [Option(code: 2, name), Option(code: 3, description), Option(code: 9, [9])])
  }

  /// A packet (4.3), which keeps its number on all its way.
  static func packet(
    _ bytes: [UInt8], number: UInt64, on interface: UInt32, isOutgoing: Bool, at nanoseconds: UInt64,
    comment: String?
  ) -> [UInt8] {
    var body: [UInt8] = []
    body.put(little: interface)
    body.put(little: UInt32(truncatingIfNeeded: nanoseconds >> 32))
    body.put(little: UInt32(truncatingIfNeeded: nanoseconds))
    body.put(little: UInt32(bytes.count))
    body.put(little: UInt32(bytes.count))
    body.putPadded(bytes)
    var (flags, identity): ([UInt8], [UInt8]) = ([], [])
    flags.put(little: UInt32(isOutgoing ? 2 : 1))
    identity.put(little: number)
    let options = [Option(code: 2, flags), Option(code: 5, identity)]
    return block(6, body, options + (comment.map { [.comment($0)] } ?? []))
  }

  /// Lines of an `SSLKEYLOGFILE`, by which what follows can be read (4.7).
  static func secrets(_ lines: String) -> [UInt8] {
    var body: [UInt8] = []
    body.put(little: UInt32(0x544C_534B))
    body.put(little: UInt32(lines.utf8.count))
    body.putPadded(Array(lines.utf8))
    return block(10, body, [])
  }

  private static func block(_ type: UInt32, _ body: [UInt8], _ options: [Option]) -> [UInt8] {
    var tail: [UInt8] = []
    for option in options where !option.value.isEmpty {
      tail.put(little: option.code)
      tail.put(little: UInt16(option.value.count))
      tail.putPadded(option.value)
    }
    if !tail.isEmpty { tail.put(little: UInt32(0)) }
    var bytes: [UInt8] = []
    let length = UInt32(12 + body.count + tail.count)
    bytes.reserveCapacity(Int(length))
    bytes.put(little: type)
    bytes.put(little: length)
    bytes += body
    bytes += tail
    bytes.put(little: length)
    return bytes
  }
}

extension [UInt8] {
  fileprivate mutating func putPadded(_ bytes: [UInt8]) {
    self += bytes
    append(contentsOf: repeatElement(0, count: -bytes.count & 3))
  }
}
