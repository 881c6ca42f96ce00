import Warren

/// A check of ICE's, parsed and written, beside what its two keyed hashes alone take.
enum STUNMessages {
  private static let count = 300_000
  nonisolated(unsafe) private static let key = STUNKey(password: "VOkJxbRl1RmTxUk/WvJxBt")

  static func run() {
    print("STUN: a check of ICE's, \(check(signed: true).count) bytes, on one core")
    let (bare, signed) = (check(signed: false), check(signed: true))
    let hashes = rate { _ in hash(signed) }
    line("parsed, every attribute read", rate { _ in read(bare) })
    line("written", rate { write($0, signed: false) })
    line("HMAC-SHA1 alone", hashes)
    line("parsed, and its signature checked", rate { _ in verify(signed) }, of: hashes)
    line("written and signed", rate { write($0, signed: true) }, of: hashes)
  }

  nonisolated(unsafe) private static var writer = STUNMessageWriter()
  nonisolated(unsafe) private static let hmac = HMAC(.sha1, key: Array("VOkJxbRl1RmTxUk/WvJxBt".utf8))

  private static func write(_ number: Int, signed: Bool) -> Int {
    writer.begin(.request, .binding, TransactionID(7, UInt64(number)))
    writer.add(.username, "evtj:h6vY")
    writer.add(.priority, 0x6E00_01FF as UInt32)
    writer.add(.iceControlled, 0x932F_F9B1_5126_3B36 as UInt64)
    if signed { writer.sign(with: key, .sha1) }
    writer.addFingerprint()
    return writer.byteCount
  }

  private static func check(signed: Bool) -> [UInt8] {
    _ = write(1, signed: signed)
    return writer.copy
  }

  private static func read(_ bytes: [UInt8]) -> Int {
    guard let message = try? STUNMessage(bytes.span.bytes) else { return 0 }
    var sum = 0
    message.forEachAttribute { attribute, value in
      sum &+= Int(attribute.rawValue) + value.byteCount
      return true
    }
    return sum
  }

  private static func verify(_ bytes: [UInt8]) -> Int {
    guard let message = try? STUNMessage(bytes.span.bytes), message.hasFingerprint else { return 0 }
    return message.isSigned(with: key) ? 1 : 0
  }

  private static func hash(_ bytes: [UInt8]) -> Int { Int(hmac.code(of: bytes)[0]) }

  /// How often something is done in a second: the median of five.
  private static func rate(_ body: (Int) -> Int) -> Double {
    var rates: [Double] = []
    for _ in 0..<5 {
      var sum = 0
      let start = now()
      for number in 0..<count { sum &+= body(number) }
      rates.append(Double(count) / (now() - start))
      precondition(sum != 0)
    }
    return rates.sorted()[2]
  }

  private static func line(_ name: String, _ rate: Double, of base: Double? = nil) {
    let padded = name + String(repeating: " ", count: max(0, 36 - name.count))
    let comparison = base.map { "   \(ratio(rate, $0)) of HMAC-SHA1 alone" } ?? ""
    print("  \(padded)\(perSecond(Int(rate), 1))/s\(comparison)")
  }
}
