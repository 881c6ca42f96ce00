/// A STUN message where it lies in memory: checked once, then read without a copy or an allocation (RFC 8489, 5).
public struct STUNMessage: ~Escapable {
  /// The whole message, header and all.
  public let bytes: RawSpan
  /// What it is to the one before it.
  public let messageClass: STUNClass
  /// What it asks for, or answers.
  public let method: STUNMethod
  /// What pairs answer and question.
  public let transactionID: TransactionID

  /// Where the attributes end that a reader may see: what stands behind a signature is not signed.
  private let visibleEnd: Int
  /// Where these attributes begin; 0 where there is none.
  let integrityOffset: Int
  let integritySHA256Offset: Int
  /// Whether it carries a fingerprint, which then is right.
  public let hasFingerprint: Bool

  /// Bytes before the first attribute (RFC 8489, 5).
  public static let headerSize = 20
  static let magicCookie: UInt32 = 0x2112_A442
  static let fingerprintMask: UInt32 = 0x5354_554E

  /// The message that `bytes` are, all of them.
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) throws(STUNMessageError) {
    guard STUNMessage.mayBegin(bytes) else { throw .notSTUN }
    guard Int(bytes.uint16(at: 2)) + STUNMessage.headerSize == bytes.byteCount, bytes.byteCount % 4 == 0
    else {
      throw .wrongLength
    }
    self.bytes = bytes
    let type = bytes.uint16(at: 0)
    method = STUNMessageType.method(type)
    messageClass = STUNMessageType.messageClass(type)
    transactionID = TransactionID(bytes.uint32(at: 8), bytes.uint64(at: 12))

    let layout = try Layout(of: bytes)
    visibleEnd = layout.visibleEnd
    integrityOffset = layout.integrity
    integritySHA256Offset = layout.integritySHA256
    hasFingerprint = layout.fingerprint > 0
    if hasFingerprint {
      let checksum =
        CRC32.checksum(of: bytes.extracting(first: layout.fingerprint)) ^ STUNMessage.fingerprintMask
      guard bytes.uint32(at: layout.fingerprint + 4) == checksum else { throw .wrongFingerprint }
    }
  }

  /// Where the attributes lie whose place matters.
  private struct Layout {
    var visibleEnd: Int
    var integrity = 0
    var integritySHA256 = 0
    var fingerprint = 0

    init(of bytes: borrowing RawSpan) throws(STUNMessageError) {
      let end = bytes.byteCount
      visibleEnd = end
      var offset = STUNMessage.headerSize
      var count = 0
      while offset < end {
        guard fingerprint == 0 else { throw .fingerprintNotLast }
        count += 1
        guard count <= STUNLimits.attributes else { throw .tooManyAttributes }
        // The length of the message is a multiple of 4, and so is every attribute's with its padding.
        let size = Int(bytes.uint16(at: offset + 2))
        let next = offset + 4 + (size + 3) & ~3
        guard next <= end else { throw .attributeBeyondEnd }
        switch STUNAttribute(rawValue: bytes.uint16(at: offset)) {
        case .messageIntegrity where integrity == 0 && integritySHA256 == 0:
          integrity = offset
          visibleEnd = min(visibleEnd, offset)
        case .messageIntegritySHA256 where integritySHA256 == 0:
          integritySHA256 = offset
          visibleEnd = min(visibleEnd, offset)
        case .fingerprint:
          guard size == 4 else { throw .wrongFingerprint }
          fingerprint = offset
          visibleEnd = min(visibleEnd, offset)
        default: break
        }
        offset = next
      }
    }
  }

  /// Whether `bytes` begin as a STUN message does, and no other protocol on the same port (RFC 9443, 3).
  public static func mayBegin(_ bytes: RawSpan) -> Bool {
    bytes.byteCount >= headerSize && bytes.uint8(at: 0) & 0xC0 == 0 && bytes.uint32(at: 4) == magicCookie
  }
}

extension STUNMessage {
  /// What bytes that begin as a message ask for, whatever else they are: who owns a port asks whose it is.
  public static func method(of bytes: RawSpan) -> STUNMethod? {
    mayBegin(bytes) ? STUNMessageType.method(bytes.uint16(at: 0)) : nil
  }

  /// The id of bytes that begin as a message, whatever else they are.
  public static func transactionID(of bytes: RawSpan) -> TransactionID? {
    mayBegin(bytes) ? TransactionID(bytes.uint32(at: 8), bytes.uint64(at: 12)) : nil
  }
}

// MARK: Attributes

extension STUNMessage {
  /// Calls `body` with each attribute and its value, in their order, until it returns false.
  public borrowing func forEachAttribute(_ body: (STUNAttribute, RawSpan) -> Bool) {
    var offset = STUNMessage.headerSize
    while offset < visibleEnd {
      let size = Int(bytes.uint16(at: offset + 2))
      let value = bytes.extracting(offset + 4..<offset + 4 + size)
      guard body(STUNAttribute(rawValue: bytes.uint16(at: offset)), value) else { return }
      offset += 4 + (size + 3) & ~3
    }
  }

  /// The value of the first attribute of this name.
  @_lifetime(copy self)
  public func value(of attribute: STUNAttribute) -> RawSpan? {
    var offset = STUNMessage.headerSize
    while offset < visibleEnd {
      let size = Int(bytes.uint16(at: offset + 2))
      if bytes.uint16(at: offset) == attribute.rawValue {
        return bytes.extracting(offset + 4..<offset + 4 + size)
      }
      offset += 4 + (size + 3) & ~3
    }
    return nil
  }

  /// Whether it has an attribute of this name.
  public func has(_ attribute: STUNAttribute) -> Bool { value(of: attribute) != nil }

  /// Whether it has an attribute that must be understood and is none of `understood`.
  public func hasUnknown(besides understood: (STUNAttribute) -> Bool) -> Bool {
    var found = false
    forEachAttribute { attribute, _ in
      found = attribute.isComprehensionRequired && !understood(attribute)
      return !found
    }
    return found
  }
}
