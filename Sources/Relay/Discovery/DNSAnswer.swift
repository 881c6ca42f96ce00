import WarrenMachine

/// What a name server says to a question. Whatever it is made of, reading it ends, and takes little.
enum DNSAnswer: Hashable, Sendable {
  /// Where the service is; nowhere, where there is nothing.
  case services([ServiceRecord])
  /// It is too long for a datagram: over TCP there is all of it.
  case truncated
  /// The server has not found out, and its reason's number.
  case refused(UInt8)

  private static let headerSize = 12
  private static let noSuchName: UInt8 = 3

  /// Nil where it is no answer to this question.
  init?(_ message: RawSpan, to question: DNSQuestion) {
    guard message.byteCount >= Self.headerSize, message.number(at: 0, as: UInt16.self) == question.id else {
      return nil
    }
    let flags = message.number(at: 2, as: UInt16.self)
    // It is an answer, to a usual question, of which there is one.
    guard flags & 0xF800 == 0x8000, message.number(at: 4, as: UInt16.self) == 1 else { return nil }
    var place = Self.headerSize
    guard let name = DNSName(in: message, at: &place), name == question.service,
      place + 4 <= message.byteCount,
      message.number(at: place, as: UInt16.self) == DNSQuestion.serviceType,
      message.number(at: place + 2, as: UInt16.self) == DNSQuestion.internet
    else { return nil }
    place += 4
    let code = UInt8(flags & 0xF)
    if code != 0, code != Self.noSuchName {
      self = .refused(code)
    } else if flags & 0x0200 != 0 {
      self = .truncated
    } else {
      guard let records = Records(message, from: place, count: message.number(at: 6, as: UInt16.self)) else {
        return nil
      }
      self = .services(records.services(of: question.service))
    }
  }

  /// The records of an answer that are of use.
  private struct Records {
    private var aliases: [DNSName: DNSName] = [:]
    private var services: [(owner: DNSName, record: ServiceRecord)] = []

    /// Nil where a record is not what it should be.
    init?(_ message: RawSpan, from start: Int, count: UInt16) {
      var place = start
      for _ in 0..<min(Int(count), DNSLimits.records) {
        guard let owner = DNSName(in: message, at: &place), place + 10 <= message.byteCount else {
          return nil
        }
        let type = message.number(at: place, as: UInt16.self)
        let isInternet = message.number(at: place + 2, as: UInt16.self) == DNSQuestion.internet
        let size = Int(message.number(at: place + 8, as: UInt16.self))
        place += 10
        let end = place + size
        guard end <= message.byteCount else { return nil }
        if isInternet, type == DNSQuestion.aliasType {
          guard let target = DNSName(in: message, at: &place), place == end else { return nil }
          aliases[owner] = aliases[owner] ?? target
        } else if isInternet, type == DNSQuestion.serviceType {
          guard size > 6 else { return nil }
          let words = (0..<3).map { message.number(at: place + 2 * $0, as: UInt16.self) }
          place += 6
          guard let target = DNSName(in: message, at: &place), place == end else { return nil }
          services.append(
            (owner, ServiceRecord(priority: words[0], weight: words[1], port: words[2], target: target)))
        }
        place = end
      }
    }

    /// Those of a name, or of what it is an alias for.
    func services(of name: DNSName) -> [ServiceRecord] {
      var name = name
      for _ in 0...DNSLimits.aliases {
        let found = services.filter { $0.owner == name }.map(\.record).sorted { $0.priority < $1.priority }
        guard found.isEmpty, let next = aliases[name] else { return Array(found.prefix(DNSLimits.services)) }
        name = next
      }
      return []
    }
  }
}
