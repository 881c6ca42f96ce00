import WarrenCrypto
import WarrenMachine

/// The fields of a message, whatever kind it is: a number each, of one meaning in all kinds, and never another meaning.
enum FieldNumber: UInt8 {
  case name = 1
  case key = 2
  case address = 3
  case flags = 4
  case packet = 5
  case signal = 6
  case introduction = 7
  case code = 8
  case reason = 9
  case milliseconds = 10
  case place = 11
  case allowed = 12
  case secret = 13
  case registration = 14
  case consent = 15
  case attested = 16
  case transports = 17
  case username = 18
  case password = 19
  case realm = 20
  case nonce = 21
  case passwordAlgorithms = 22
  case relayed = 23
  case relay = 24
}

/// What was found in a message.
struct MessageFields {
  var name: RegistryName?
  var key: PeerID?
  var addresses: [SocketAddress] = []
  var flags: UInt8 = 0
  var packets: [[UInt8]] = []
  var signal: [UInt8] = []
  var introduction: UInt64?
  var code: UInt16?
  var reason = ""
  var milliseconds: UInt32?
  var place: UInt32?
  var allowed: [PeerID] = []
  var secret: String?
  var registrations: [Registration] = []
  var consent: UInt8 = 0
  var attested: [AttestedAddress] = []
  var relayed: [AttestedAddress] = []
  var relays: [SocketAddress] = []
  var transports: UInt8?
  var username: String?
  var password: String?
  var realm: String?
  var nonce: [UInt8]?
  var passwordAlgorithms: [UInt8]?

  init() {}

  /// - Parameter isNested: whether they are a field's, and none of them a registration: else who stacks ten thousand would
  ///   have them read on as many stack frames.
  /// - Throws: a ``RegistryError`` where a field is not what it should be, or there are too many of them.
  init(_ bytes: RawSpan, isNested: Bool = false) throws(RegistryError) {
    var input = WireReader(bytes)
    while !input.isAtEnd {
      let number = input.take(UInt8.self)
      let size = Int(input.take(UInt16.self))
      let value = input.take(count: size)
      if input.isOverrun { throw RegistryError(.badMessage, "a field is longer than its message") }
      guard let field = FieldNumber(rawValue: number), !isNested || field != .registration else { continue }
      try take(field, value)
    }
  }

  private mutating func take(_ field: FieldNumber, _ value: [UInt8]) throws(RegistryError) {
    switch field {
    case .name: name = try RegistryName(utf8: value)
    case .key: key = try Self.key(value)
    case .address:
      try Self.limit(addresses.count, RegistryLimits.addresses + 1, "addresses")
      addresses.append(try Self.address(value))
    case .flags: flags = try Self.number(value)
    case .packet:
      try Self.limit(packets.count, RegistryLimits.flightPackets, "packets")
      guard !value.isEmpty, value.count <= RegistryLimits.packetBytes else {
        throw RegistryError(.badMessage, "a packet has 1 to \(RegistryLimits.packetBytes) bytes")
      }
      packets.append(value)
    case .signal:
      guard value.count <= RegistryLimits.signalBytes else {
        throw RegistryError(.badMessage, "a signal has at most \(RegistryLimits.signalBytes) bytes")
      }
      signal = value
    case .introduction: introduction = try Self.number(value)
    case .code: code = try Self.number(value)
    case .reason:
      reason = String(decoding: value.prefix(RegistryLimits.reasonBytes), as: UTF8.self).undisturbing
    case .milliseconds: milliseconds = try Self.number(value)
    case .place: place = try Self.number(value)
    case .allowed:
      try Self.limit(allowed.count, RegistryLimits.allowedPeers, "keys that are allowed")
      allowed.append(try Self.key(value))
    case .secret:
      guard let text = String(validating: value, as: UTF8.self) else {
        throw RegistryError(.badKey, "a key is text in UTF-8")
      }
      secret = text
    case .registration:
      try Self.limit(registrations.count, RegistryLimits.page, "registrations")
      registrations.append(try Self.registration(value))
    case .consent: consent = try Self.number(value)
    case .attested:
      try Self.limit(attested.count, RegistryLimits.attestedAddresses, "addresses that were seen")
      attested.append(try Self.attested(value))
    case .relayed:
      try Self.limit(relayed.count, RegistryLimits.relayedAddresses, "addresses at relays")
      relayed.append(try Self.attested(value))
    case .relay:
      try Self.limit(relays.count, RegistryLimits.relayedAddresses, "addresses at relays")
      relays.append(try Self.address(value))
    case .transports: transports = try Self.number(value)
    case .username: username = try Self.credential(value)
    case .password: password = try Self.credential(value)
    case .realm: realm = try Self.credential(value)
    case .nonce: nonce = try Self.limited(value)
    case .passwordAlgorithms: passwordAlgorithms = try Self.limited(value)
    }
  }

  private static func limit(_ count: Int, _ limit: Int, _ what: String) throws(RegistryError) {
    if count >= limit { throw RegistryError(.badMessage, "at most \(limit) \(what) fit a message") }
  }

  private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ value: [UInt8]
  ) throws(RegistryError) -> Number {
    guard value.count == MemoryLayout<Number>.size else {
      throw RegistryError(.badMessage, "a number has \(value.count) bytes")
    }
    return value.span.bytes.number(at: 0, as: Number.self)
  }

  /// What is said to a relay.
  private static func limited(_ value: [UInt8]) throws(RegistryError) -> [UInt8] {
    guard value.count <= RegistryLimits.credentialBytes else {
      throw RegistryError(
        .badMessage, "what a relay is told has at most \(RegistryLimits.credentialBytes) bytes")
    }
    return value
  }

  private static func credential(_ value: [UInt8]) throws(RegistryError) -> String {
    guard let text = String(validating: try limited(value), as: UTF8.self) else {
      throw RegistryError(.badMessage, "what a relay is told is text in UTF-8")
    }
    return text
  }

  private static func key(_ value: [UInt8]) throws(RegistryError) -> PeerID {
    guard let key = PeerID(bytes: value.span.bytes) else {
      throw RegistryError(.badMessage, "a peer's key has \(PeerID.byteCount) bytes")
    }
    return key
  }

  /// Port, and 4 or 16 bytes of address.
  static func address(_ value: [UInt8]) throws(RegistryError) -> SocketAddress {
    let bytes = value.span.bytes
    let ip: IPAddress
    switch value.count {
    case 6: ip = IPAddress(v4: bytes.number(at: 2, as: UInt32.self))
    case 18: ip = IPAddress(v6: bytes.number(at: 2, as: UInt64.self), bytes.number(at: 10, as: UInt64.self))
    default: throw RegistryError(.badMessage, "an address has 6 or 18 bytes")
    }
    return SocketAddress(ip, port: bytes.number(at: 0, as: UInt16.self))
  }

  /// A proof, and an address.
  private static func attested(_ value: [UInt8]) throws(RegistryError) -> AttestedAddress {
    guard value.count > 8 else { throw RegistryError(.badMessage, "an address that was seen has a proof") }
    return AttestedAddress(
      try address(Array(value.dropFirst(8))), proof: try number(Array(value.prefix(8))))
  }

  /// A registration is fields within a field.
  private static func registration(_ value: [UInt8]) throws(RegistryError) -> Registration {
    let fields = try MessageFields(value.span.bytes, isNested: true)
    guard let registration = fields.registration else {
      throw RegistryError(.badMessage, "a registration is nobody's")
    }
    return registration
  }

  var registration: Registration? {
    let owner: RegistryOwner
    if let key {
      owner = .key(key)
    } else {
      // Who has none is known by where it is, if it has said so, and what it is called.
      guard let name else { return nil }
      owner = .address(addresses.last?.ip ?? .any(.v4), name)
    }
    return Registration(
      of: owner, named: name, isListed: flags & 1 != 0, consent: consentValue, at: addresses)
  }

  var consentValue: Consent {
    switch consent {
    case 1: .everyone
    case 2: .nobody
    case 3: .only(allowed)
    default: .ask
    }
  }
}

/// Writes a message behind those that are in its buffer already.
struct MessageWriter {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// A frame: its length without these two bytes, the kind, the number of the request.
  mutating func write(_ kind: UInt8, _ request: UInt32, _ body: (inout MessageWriter) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(kind)
    append(request)
    body(&self)
    let size = bytes.count - start - 2
    precondition(size <= RegistryLimits.messageBytes, "a message of \(size) bytes was put together")
    bytes[start] = UInt8(truncatingIfNeeded: size >> 8)
    bytes[start + 1] = UInt8(truncatingIfNeeded: size)
  }

  mutating func field(_ field: FieldNumber, _ value: some Collection<UInt8>) {
    append(field.rawValue)
    append(UInt16(value.count))
    bytes += value
  }

  mutating func field(_ field: FieldNumber, _ text: String) { self.field(field, text.utf8) }

  /// Of what is longer than it may be so much that who reads it says so.
  mutating func field(_ field: FieldNumber, _ value: some Collection<UInt8>, atMost limit: Int) {
    self.field(field, value.prefix(limit + 1))
  }

  /// A reason, as much of it as there is room for.
  mutating func field(reason: String) {
    guard reason.utf8.count > RegistryLimits.reasonBytes else { return field(.reason, reason) }
    var end = reason.utf8.index(reason.startIndex, offsetBy: RegistryLimits.reasonBytes)
    while end.samePosition(in: reason.unicodeScalars) == nil { reason.utf8.formIndex(before: &end) }
    field(.reason, reason[..<end].utf8)
  }

  mutating func field<Number: FixedWidthInteger>(_ field: FieldNumber, number: Number) {
    append(field.rawValue)
    append(UInt16(MemoryLayout<Number>.size))
    append(number)
  }

  mutating func field(_ addresses: [SocketAddress]) {
    for address in addresses.prefix(RegistryLimits.addresses + 1) { field(.address, address) }
  }

  mutating func field(relays: [SocketAddress]) {
    for address in relays.prefix(RegistryLimits.relayedAddresses) { field(.relay, address) }
  }

  private mutating func field(_ field: FieldNumber, _ address: SocketAddress) {
    append(field.rawValue)
    append(UInt16(address.encodedSize))
    append(address)
  }

  mutating func field(_ field: FieldNumber, _ duration: Duration) {
    self.field(field, number: UInt32(clamping: duration.wholeNanoseconds / 1_000_000))
  }

  mutating func field(_ grant: RelayGrant) {
    let limit = RegistryLimits.credentialBytes
    let bits = grant.transports.compactMap { RelayGrant.order.firstIndex(of: $0) }
    field(.transports, number: bits.reduce(UInt8(0)) { $0 | 1 << $1 })
    field(.milliseconds, grant.lifetime)
    field(.username, grant.username.utf8, atMost: limit)
    field(.password, grant.password.utf8, atMost: limit)
    guard let challenge = grant.challenge else { return }
    field(.realm, challenge.realm.utf8, atMost: limit)
    field(.nonce, challenge.nonce, atMost: limit)
    if let algorithms = challenge.passwordAlgorithms {
      field(.passwordAlgorithms, algorithms, atMost: limit)
    }
  }

  mutating func field(_ field: FieldNumber, _ attested: [AttestedAddress], atMost limit: Int) {
    for entry in attested.prefix(limit) {
      append(field.rawValue)
      append(UInt16(8 + entry.address.encodedSize))
      append(entry.proof)
      append(entry.address)
    }
  }

  private mutating func append(_ address: SocketAddress) {
    append(address.port)
    if address.ip.family == .v6 {
      append(address.ip.high)
      append(address.ip.low)
    } else {
      append(address.ip.v4Bits)
    }
  }

  mutating func field(_ consent: Consent) {
    switch consent {
    case .ask: break
    case .everyone: field(.consent, number: UInt8(1))
    case .nobody: field(.consent, number: UInt8(2))
    case .only(let peers):
      field(.consent, number: UInt8(3))
      for peer in peers.prefix(RegistryLimits.allowedPeers) { field(.allowed, peer.bytes) }
    }
  }

  mutating func fields(of registration: Registration) {
    if case .key(let peer) = registration.owner { field(.key, peer.bytes) }
    if let name = registration.name { field(.name, name.text) }
    field(.flags, number: UInt8(registration.isListed ? 1 : 0))
    field(registration.addresses)
  }

  mutating func field(_ registration: Registration) {
    var inner = MessageWriter()
    inner.fields(of: registration)
    field(.registration, inner.bytes)
  }

  mutating func field(_ content: Introduction.Content) {
    for packet in content.flight.prefix(RegistryLimits.flightPackets + 1) {
      field(.packet, packet, atMost: RegistryLimits.packetBytes)
    }
    if !content.signal.isEmpty { field(.signal, content.signal, atMost: RegistryLimits.signalBytes) }
  }

  mutating func field(_ target: RegistryTarget) {
    switch target {
    case .name(let name): field(.name, name.text)
    case .key(let peer): field(.key, peer.bytes)
    case .pairing(let secret): field(.secret, secret.utf8, atMost: RegistryLimits.keyBytes)
    }
  }

  private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
  }
}

extension SocketAddress {
  fileprivate var encodedSize: Int { ip.family == .v4 ? 6 : 18 }
}
