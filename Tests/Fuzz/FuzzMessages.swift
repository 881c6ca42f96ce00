import Warren

@testable import WarrenRegistry

/// Reads messages between peers and registries from a stream; they are the same however it is cut, and what was
/// read can be written, and read again.
func fuzzRegistry(_ bytes: [UInt8]) {
  let whole = messages(in: [bytes])
  precondition(whole == messages(in: bytes.map { [$0] }))
  for case .success(let message?) in whole {
    // What is passed over, or cut, is so but once.
    let again = written(message)
    precondition(again != nil && written(again!) == again, "what was written is read as something else")
  }
}

private func written(_ message: RegistryMessage) -> RegistryMessage? {
  var writer = MessageWriter()
  message.write(as: 7, into: &writer)
  guard case .success(let again)? = messages(in: [writer.bytes]).first else { return nil }
  return again
}

private func messages(in pieces: [[UInt8]]) -> [Result<RegistryMessage?, RegistryError>] {
  var reader = MessageReader()
  var found: [Result<RegistryMessage?, RegistryError>] = []
  for piece in pieces {
    reader.append(piece)
    do throws(RegistryError) {
      while let incoming = try reader.next() { found.append(incoming.message) }
      precondition(reader.waiting < RegistryLimits.messageBytes + 2, "more waits than a message has")
    } catch {
      return found + [.failure(error)]
    }
  }
  return found
}
