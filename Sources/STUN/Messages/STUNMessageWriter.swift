import WarrenCrypto
import WarrenMachine

/// Writes STUN messages, one after the other, into memory that is taken once.
///
/// After each call ``bytes`` is a whole message. Signature and fingerprint come last, in this order.
public struct STUNMessageWriter: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  private var count = 0
  private var transactionID = TransactionID(0, 0)

  /// The size of a message without attributes.
  public static var headerSize: Int { STUNMessage.headerSize }

  /// A writer of messages that are usually no larger than `capacity`.
  public init(capacity: Int = 512) {
    memory = .allocate(byteCount: max(capacity, STUNMessage.headerSize), alignment: 8)
  }

  deinit { memory.deallocate() }

  /// The message as far as it is written.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[..<count]))
      return unsafe _overrideLifetime(bytes, borrowing: self)
    }
  }

  /// A copy of it, to be kept.
  public var copy: [UInt8] { bytes.withUnsafeBytes { Array($0) } }

  /// How many bytes that is.
  public var byteCount: Int { count }

  /// Begins a message, and forgets the one before.
  public mutating func begin(
    _ messageClass: STUNClass, _ method: STUNMethod, _ transactionID: TransactionID
  ) {
    count = STUNMessage.headerSize
    self.transactionID = transactionID
    store(STUNMessageType.encode(method, messageClass), at: 0)
    store(UInt16(0), at: 2)
    store(STUNMessage.magicCookie, at: 4)
    store(transactionID.high, at: 8)
    store(transactionID.low, at: 12)
  }

  /// Begins the answer to `request`.
  public mutating func beginAnswer(_ messageClass: STUNClass, to request: borrowing STUNMessage) {
    begin(messageClass, request.method, request.transactionID)
  }
}

// MARK: Attributes

extension STUNMessageWriter {
  /// An attribute of no bytes.
  public mutating func add(_ attribute: STUNAttribute) { _ = makeRoom(for: attribute, size: 0) }

  /// An attribute of one number of 32 bits.
  public mutating func add(_ attribute: STUNAttribute, _ value: UInt32) {
    store(value, at: makeRoom(for: attribute, size: 4))
  }

  /// An attribute of one number of 64 bits.
  public mutating func add(_ attribute: STUNAttribute, _ value: UInt64) {
    store(value, at: makeRoom(for: attribute, size: 8))
  }

  /// An attribute of these bytes.
  public mutating func add(_ attribute: STUNAttribute, _ value: RawSpan) {
    let place = makeRoom(for: attribute, size: value.byteCount)
    value.withUnsafeBytes { value in
      guard !value.isEmpty else { return }
      UnsafeMutableRawBufferPointer(rebasing: memory[place...]).copyMemory(from: value)
    }
  }

  /// An attribute of this text.
  public mutating func add(_ attribute: STUNAttribute, _ text: String) {
    var text = text
    text.withUTF8 { add(attribute, RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
  }

  /// An attribute of an address, masked as RFC 8489, 14.2 says.
  public mutating func add(_ attribute: STUNAttribute, masked address: SocketAddress) {
    let cookie = STUNMessage.magicCookie
    add(
      attribute, address, portMask: UInt16(cookie >> 16),
      highMask: UInt64(cookie) << 32 | UInt64(transactionID.high),
      lowMask: transactionID.low)
  }

  /// An attribute of an address in the clear.
  public mutating func add(_ attribute: STUNAttribute, plain address: SocketAddress) {
    add(attribute, address, portMask: 0, highMask: 0, lowMask: 0)
  }

  private mutating func add(
    _ attribute: STUNAttribute, _ address: SocketAddress, portMask: UInt16, highMask: UInt64, lowMask: UInt64
  ) {
    let isV4 = address.ip.family == .v4
    let place = makeRoom(for: attribute, size: isV4 ? 8 : 20)
    store(UInt16(address.ip.family.stunNumber), at: place)
    store(address.port ^ portMask, at: place + 2)
    if isV4 {
      store(address.ip.v4Bits ^ UInt32(truncatingIfNeeded: highMask >> 32), at: place + 4)
    } else {
      store(address.ip.high ^ highMask, at: place + 4)
      store(address.ip.low ^ lowMask, at: place + 12)
    }
  }

  /// Why the request failed.
  ///
  /// - Parameter saysReason: whether in words too, which makes the answer larger.
  public mutating func add(_ code: STUNErrorCode, saysReason: Bool = true) {
    var reason = saysReason ? code.reason : ""
    reason.withUTF8 { reason in
      let place = makeRoom(for: .errorCode, size: 4 + reason.count)
      store(code.number, at: place)
      guard !reason.isEmpty else { return }
      UnsafeMutableRawBufferPointer(rebasing: memory[(place + 4)...]).copyMemory(
        from: UnsafeRawBufferPointer(reason))
    }
  }

  /// Which of a request's attributes must be understood and are not (RFC 8489, 14.9).
  public mutating func addUnknownAttributes(
    of request: borrowing STUNMessage, besides understood: (STUNAttribute) -> Bool
  ) {
    let start = makeRoom(for: .unknownAttributes, size: 0)
    var listed = 0
    request.forEachAttribute { attribute, _ in
      guard attribute.isComprehensionRequired, !understood(attribute) else { return true }
      grow(to: start + 2 * listed + 4)
      store(attribute.rawValue, at: start + 2 * listed)
      store(UInt16(0), at: start + 2 * listed + 2)
      listed += 1
      return true
    }
    store(UInt16(2 * listed), at: start - 2)
    count = start + (2 * listed + 3) & ~3
    storeLength()
  }

  /// The room of an attribute's value, its padding cleared, behind its header.
  private mutating func makeRoom(for attribute: STUNAttribute, size: Int) -> Int {
    precondition(count > 0, "begin a message before its attributes")
    precondition(size <= 0xFFF0, "an attribute of \(size) bytes is too large for any message")
    let place = count + 4
    let end = place + (size + 3) & ~3
    grow(to: end)
    store(attribute.rawValue, at: count)
    store(UInt16(size), at: count + 2)
    if end > place { store(UInt32(0), at: end - 4) }
    count = end
    storeLength()
    return place
  }
}

// MARK: Signature and fingerprint

extension STUNMessageWriter {
  /// Signs what is written so far.
  public mutating func sign(with key: STUNKey, _ function: HashFunction = .sha1) {
    let end = count
    let place = makeRoom(
      for: function == .sha256 ? .messageIntegritySHA256 : .messageIntegrity, size: function.byteCount)
    let signed = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[..<end]))
    key.hmac(function).withCode(of: signed) { code in
      code.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[place...]).copyMemory(from: $0) }
    }
  }

  /// Adds the checksum that tells STUN from other packets: the last thing in a message.
  public mutating func addFingerprint() {
    let end = count
    let place = makeRoom(for: .fingerprint, size: 4)
    let covered = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[..<end]))
    store(CRC32.checksum(of: covered) ^ STUNMessage.fingerprintMask, at: place)
  }
}

// MARK: Memory

extension STUNMessageWriter {
  private mutating func grow(to size: Int) {
    guard size > memory.count else { return }
    precondition(size <= 0xFFFF + STUNMessage.headerSize, "a STUN message cannot have \(size) bytes")
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 2 * memory.count), alignment: 8)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
    memory.deallocate()
    memory = larger
  }

  private mutating func storeLength() { store(UInt16(count - STUNMessage.headerSize), at: 2) }

  @inline(__always)
  private mutating func store(_ value: some FixedWidthInteger, at offset: Int) {
    memory.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value))
  }
}
