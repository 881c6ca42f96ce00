import WarrenCrypto
import WarrenMachine

/// A message to all, as it is passed on.
package struct BroadcastMessage: Hashable, Sendable {
  /// Who has sent it, in which life.
  package let source: BroadcastCore.Source
  /// Its place among all that it has sent, from 1 on.
  package let number: UInt64
  /// Whether its sender is connected with everybody, so that nobody else has to pass it on.
  package let isDirect: Bool
  package let topic: String
  package let isText: Bool
  package let payload: [UInt8]
  package internal(set) var signature: [UInt8]

  package init(
    _ source: BroadcastCore.Source, _ number: UInt64, isDirect: Bool, topic: String, isText: Bool,
    payload: [UInt8], signature: [UInt8] = []
  ) {
    self.source = source
    self.number = number
    self.isDirect = isDirect
    self.topic = topic
    self.isText = isText
    self.payload = payload
    self.signature = signature
  }

  /// What it costs to keep.
  var cost: Int { payload.count + MeshLimits.messageCost }

  /// What is signed: Ed25519 would read a large payload twice, with a slower hash.
  var statement: [UInt8] { head + HashFunction.sha256.hash(payload) }

  private var head: [UInt8] {
    var output = WireWriter()
    output.append(source)
    output.append(number)
    output.append(UInt8(isDirect ? 1 : 0) | UInt8(isText ? 2 : 0))
    output.append(UInt8(topic.utf8.count))
    output.append(topic.utf8)
    return output.bytes
  }

  /// The largest head, with the signature.
  package static let mostHeadBytes = 40 + 8 + 2 + MeshLimits.topicBytes + PeerID.signatureByteCount

  /// What goes before the payload.
  package var encodedHead: [UInt8] { head + signature }

  /// Whose message begins like this, and which.
  package static func beginning(of head: [UInt8]) -> (BroadcastCore.Source, UInt64)? {
    var input = WireReader(head.span.bytes)
    guard let source = input.takeSource() else { return nil }
    let number: UInt64 = input.take()
    return input.isOverrun ? nil : (source, number)
  }

  /// Nil where it is none.
  package init?(head: [UInt8], payload: [UInt8]) {
    var input = WireReader(head.span.bytes)
    guard let source = input.takeSource() else { return nil }
    self.source = source
    number = input.take()
    let flags = input.take(UInt8.self)
    isDirect = flags & 1 != 0
    isText = flags & 2 != 0
    guard let topic = String(validating: input.take(count: Int(input.take(UInt8.self))), as: UTF8.self) else {
      return nil
    }
    self.topic = topic
    signature = input.take(count: PeerID.signatureByteCount)
    self.payload = payload
    // Other flags would be lost when it is passed on, and the signature be wrong.
    guard input.isAtEnd, number > 0, number < MeshLimits.lastNumber, flags < 4 else { return nil }
    if isText, String(validating: payload, as: UTF8.self) == nil { return nil }
  }
}
