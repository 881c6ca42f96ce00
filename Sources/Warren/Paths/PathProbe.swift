import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// What the two ends of a connection ask each other on a path, to know whether it leads there and back: 20 bytes, in the form
/// of STUN, so that they are told apart from QUIC's packets on the same port (RFC 9443), and with a proof that they are theirs.
struct PathProbe: Hashable, Sendable {
  enum Word: Hashable, Sendable {
    case ping, pong
    /// Here the one who says so can be reached by a relay.
    case relay(SocketAddress)
  }

  /// Where the side that cannot change ways wants the connection to go.
  enum Wish: UInt16, Hashable, Sendable {
    /// It does not mind.
    case none
    case here, elsewhere
  }

  var word: Word
  /// Which ping it is, or answers: 14 bits.
  var number: UInt16
  var wish = Wish.none

  /// The largest number.
  static let numbers: UInt16 = 0x3FFF
}

/// Writes and reads a connection's probes. Nobody can make one who does not have the connection's secret; whoever sends one
/// again gets at most as much as it has sent.
final class PathProbeSeal {
  /// What a probe begins with that is for this side, beyond what STUN's begin with: by it the connection is found.
  let selector: UInt32
  private let othersSelector: UInt32
  private let key: HMAC
  private let isClient: Bool
  private var writer = STUNMessageWriter(capacity: 64)

  init(secret: [UInt8], isClient: Bool) {
    self.isClient = isClient
    let key = HMAC(.sha256, key: secret)
    self.key = key
    let selectors = [UInt8(0), 1].map { side in
      key.code(of: [0xFF, side]).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    selector = selectors[isClient ? 0 : 1]
    othersSelector = selectors[isClient ? 1 : 0]
  }

  /// The selector of what may be a probe; nil where it is none.
  static func selector(of bytes: RawSpan) -> UInt32? {
    guard STUNMessage.method(of: bytes) == .binding else { return nil }
    return STUNMessage.transactionID(of: bytes)?.high
  }

  /// The probe's bytes.
  func seal(_ probe: PathProbe) -> [UInt8] {
    let number = probe.number & PathProbe.numbers | probe.wish.rawValue << 14
    let tag = tag(probe.word, number, fromClient: isClient)
    let id = TransactionID(othersSelector, UInt64(number) << 48 | tag)
    writer.begin(Self.messageClass(probe.word), .binding, id)
    if case .relay(let address) = probe.word { writer.add(.xorRelayedAddress, masked: address) }
    return writer.copy
  }

  /// The probe in these bytes; nil where it is not this connection's.
  func open(_ bytes: RawSpan) -> PathProbe? {
    guard Self.selector(of: bytes) == selector, let word = Self.word(bytes),
      let low = STUNMessage.transactionID(of: bytes)?.low
    else { return nil }
    let number = UInt16(low >> 48)
    guard tag(word, number, fromClient: !isClient) == low & 0xFFFF_FFFF_FFFF,
      let wish = PathProbe.Wish(rawValue: number >> 14)
    else { return nil }
    return PathProbe(word: word, number: number & PathProbe.numbers, wish: wish)
  }

  private static func messageClass(_ word: PathProbe.Word) -> STUNClass {
    switch word {
    case .ping: .request
    case .pong: .success
    case .relay: .indication
    }
  }

  private static func word(_ bytes: RawSpan) -> PathProbe.Word? {
    guard let message = try? STUNMessage(bytes) else { return nil }
    let isBare = bytes.byteCount == STUNMessage.headerSize
    switch message.messageClass {
    case .request: return isBare ? .ping : nil
    case .success: return isBare ? .pong : nil
    case .indication:
      // What is not looked at otherwise is not covered by the proof: behind the attribute's head it is 0 (RFC 8489, 14.1).
      let reserved = STUNMessage.headerSize + 4
      guard let address = message.maskedAddress(.xorRelayedAddress),
        bytes.unsafeLoad(fromByteOffset: reserved, as: UInt8.self) == 0
      else { return nil }
      return .relay(address)
    case .failure: return nil
    }
  }

  private func tag(_ word: PathProbe.Word, _ number: UInt16, fromClient: Bool) -> UInt64 {
    var text: [UInt8] = [fromClient ? 1 : 0, UInt8(number >> 8), UInt8(number & 0xFF)]
    switch word {
    case .ping: text.append(0)
    case .pong: text.append(1)
    case .relay(let address): text += [2] + Array(address.description.utf8)
    }
    return key.code(of: text).prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
