import WarrenMachine

/// A name as the DNS has it (RFC 1035, 3.1); upper and lower case are the same.
struct DNSName: Hashable, Sendable {
  /// In lower case, the root's not among them.
  let labels: [[UInt8]]

  /// The name that a text spells, of a host or of a service: `_turn._udp.example.org`. Nil where it is none.
  init?(_ text: some StringProtocol) {
    let text = text.hasSuffix(".") ? text.dropLast() : text[...]
    guard (1...DNSLimits.nameBytes).contains(text.utf8.count) else { return nil }
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    self.init(labels: labels.map { $0.map(\.lowercased) })
    guard isPlain, self.labels.allSatisfy({ (1...DNSLimits.labelBytes).contains($0.count) }),
      byteCount <= DNSLimits.nameBytes
    else { return nil }
  }

  private init(labels: [[UInt8]]) { self.labels = labels }

  /// How long it is on the wire.
  private var byteCount: Int { labels.reduce(1) { $0 + 1 + $1.count } }

  /// Whether it is the root, which as a service's target says that there is none (RFC 2782).
  var isRoot: Bool { labels.isEmpty }

  /// Whether it is made of letters, digits, hyphens and underscores, as what a machine is asked for by name.
  var isPlain: Bool {
    labels.allSatisfy { label in
      label.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
          UInt8(ascii: "_"):
          true
        default: false
        }
      }
    }
  }

  var encoded: [UInt8] { labels.flatMap { [UInt8($0.count)] + $0 } + [0] }

  /// The name at `place` of a message, which then is behind it; nil where there is none.
  ///
  /// A part that stands elsewhere begins before the part that names it (RFC 1035, 4.1.4): so no name goes in circles.
  init?(in message: RawSpan, at place: inout Int) {
    var (labels, size, pointers): ([[UInt8]], Int, Int) = ([], 1, 0)
    var (next, begin) = (place, place)
    var end: Int?
    while next < message.byteCount {
      let count = Int(message.unsafeLoad(fromByteOffset: next, as: UInt8.self))
      switch count >> 6 {
      case 0 where count == 0:
        place = end ?? next + 1
        self.init(labels: labels)
        return
      case 0:
        size += 1 + count
        guard size <= DNSLimits.nameBytes, next + 1 + count <= message.byteCount else { return nil }
        let label = message.extracting(next + 1..<next + 1 + count)
        labels.append(label.withUnsafeBytes { $0.map(\.lowercased) })
        next += 1 + count
      case 3:
        guard next + 2 <= message.byteCount, pointers < DNSLimits.pointers else { return nil }
        let target = Int(message.number(at: next, as: UInt16.self) & 0x3FFF)
        guard target < begin else { return nil }
        end = end ?? next + 2
        (next, begin) = (target, target)
        pointers += 1
      default: return nil
      }
    }
    return nil
  }
}

extension DNSName: CustomStringConvertible {
  /// As it is written, without the last dot.
  var description: String {
    labels.map { String(decoding: $0, as: UTF8.self).undisturbing }.joined(separator: ".")
  }
}

extension UInt8 {
  fileprivate var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}
