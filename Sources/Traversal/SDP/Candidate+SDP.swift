import WarrenMachine

// One candidate as SDP has it (RFC 8839, 5.1; RFC 6544, 4.5):
// candidate:1 1 udp 2130706431 192.0.2.1 4000 typ srflx raddr 10.0.0.1 rport 4000
extension Candidate {
  /// The value of an `a=candidate` line, with or without `a=` and `candidate:` before it.
  public init(sdp text: String) throws(CandidateFault) {
    var line = text.utf8[...]
    for prefix in ["a=", "candidate:"] where line.starts(with: prefix.utf8) {
      line = line.dropFirst(prefix.utf8.count)
    }
    try self.init(words: SDPWords(line))
  }

  init(words: SDPWords) throws(CandidateFault) {
    var words = words
    guard let foundation = words.next(), let component = words.next(), let transport = words.next(),
      let priority = words.next(), let ip = words.next(), let port = words.next(), let typ = words.next(),
      let kind = words.next()
    else { throw .tooShort }
    guard foundation.count <= 32, SDPWords.areICECharacters(foundation) else { throw .foundation }
    guard let component = SDPWords.number(component, upTo: 256), component > 0 else { throw .component }
    guard let priority = SDPWords.number(priority, upTo: 0x7FFF_FFFF), priority > 0 else { throw .priority }
    guard let port = SDPWords.number(port, upTo: 65_535) else { throw .port }
    guard let ip = try? IPAddress(String(decoding: ip, as: UTF8.self)) else { throw .name }
    guard SDPWords.isWord(typ, "typ"), let kind = Kind(sdp: kind) else { throw .kind }

    var related: (ip: IPAddress?, port: UInt16?)
    var tcpType: Transport?
    // What is not known comes in pairs, and is skipped (RFC 8839, 5.1).
    while let name = words.next(), let value = words.next() {
      if SDPWords.isWord(name, "raddr") {
        related.ip = try? IPAddress(String(decoding: value, as: UTF8.self))
      }
      if SDPWords.isWord(name, "rport") {
        related.port = SDPWords.number(value, upTo: 65_535).map(UInt16.init)
      }
      if SDPWords.isWord(name, "tcptype") { tcpType = Transport(tcpType: value) }
    }
    let carrier: Transport
    if SDPWords.isWord(transport, "udp") {
      carrier = .udp
    } else if SDPWords.isWord(transport, "tcp") {
      guard let tcpType else { throw .tcpType }
      carrier = tcpType
    } else {
      throw .transport
    }
    self.init(
      kind, over: carrier, at: SocketAddress(ip, port: UInt16(port)),
      relatedTo: related.ip.map { SocketAddress($0, port: related.port ?? 0) }, component: UInt16(component),
      priority: UInt32(priority), foundation: String(decoding: foundation, as: UTF8.self))
  }

  /// The line without `a=`: `candidate:1 1 udp …`.
  public var sdp: String {
    var line = "candidate:\(foundation) \(component) \(transport.isTCP ? "tcp" : "udp") \(priority)"
    line += " \(address.ip) \(address.port) typ \(kind.sdp)"
    if let relatedAddress {
      line += " raddr \(relatedAddress.ip) rport \(relatedAddress.port)"
    } else if kind != .host {
      // Who does not want to tell says so in this way (RFC 8839, 5.1).
      line += " raddr \(IPAddress.any(address.ip.family)) rport 9"
    }
    if let tcpType = transport.tcpType { line += " tcptype \(tcpType)" }
    return line
  }
}

extension Candidate.Kind {
  fileprivate init?(sdp word: Substring.UTF8View) {
    guard let kind = Self.allCases.first(where: { SDPWords.isWord(word, $0.sdp) }) else { return nil }
    self = kind
  }

  fileprivate var sdp: String {
    switch self {
    case .host: "host"
    case .serverReflexive: "srflx"
    case .peerReflexive: "prflx"
    case .relayed: "relay"
    }
  }
}

extension Candidate.Transport {
  fileprivate init?(tcpType word: Substring.UTF8View) {
    guard let type = Self.allCases.first(where: { $0.tcpType.map { SDPWords.isWord(word, $0) } ?? false })
    else {
      return nil
    }
    self = type
  }

  fileprivate var tcpType: String? {
    switch self {
    case .udp: nil
    case .tcpActive: "active"
    case .tcpPassive: "passive"
    case .tcpSimultaneousOpen: "so"
    }
  }
}
