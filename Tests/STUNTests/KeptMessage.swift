import WarrenMachine
import WarrenSTUN

/// A message with its bytes: `#expect` cannot be handed what lies in somebody else's memory.
struct KeptMessage {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) throws(STUNMessageError) {
    self.bytes = bytes
    _ = try STUNMessage(bytes.span.bytes)
  }

  init(_ writer: borrowing STUNMessageWriter) throws(STUNMessageError) {
    try self.init(writer.copy)
  }

  private func ask<Value>(_ question: (borrowing STUNMessage) -> Value) -> Value {
    guard let message = try? STUNMessage(bytes.span.bytes) else {
      preconditionFailure("it was one when it was kept")
    }
    return question(message)
  }

  var messageClass: STUNClass { ask { $0.messageClass } }
  var method: STUNMethod { ask { $0.method } }
  var transactionID: TransactionID { ask { $0.transactionID } }
  var hasFingerprint: Bool { ask { $0.hasFingerprint } }
  var integrity: STUNMessage.Integrity { ask { $0.integrity } }
  var mappedAddress: SocketAddress? { ask { $0.mappedAddress } }
  var errorCode: STUNErrorCode? { ask { $0.errorCode } }

  func isSigned(with key: STUNKey) -> Bool { ask { $0.isSigned(with: key) } }
  func has(_ attribute: STUNAttribute) -> Bool { ask { $0.has(attribute) } }
  func text(_ attribute: STUNAttribute) -> String? { ask { $0.text(attribute) } }
  func number(_ attribute: STUNAttribute) -> UInt32? { ask { $0.number(attribute) } }
  func longNumber(_ attribute: STUNAttribute) -> UInt64? { ask { $0.longNumber(attribute) } }
  func plainAddress(_ attribute: STUNAttribute) -> SocketAddress? { ask { $0.plainAddress(attribute) } }
  func maskedAddress(_ attribute: STUNAttribute) -> SocketAddress? { ask { $0.maskedAddress(attribute) } }
  func hasUnknown(besides understood: (STUNAttribute) -> Bool) -> Bool {
    ask { $0.hasUnknown(besides: understood) }
  }

  func value(of attribute: STUNAttribute) -> [UInt8]? {
    ask { message in
      guard let value = message.value(of: attribute) else { return nil }
      return value.withUnsafeBytes { Array($0) }
    }
  }
}
