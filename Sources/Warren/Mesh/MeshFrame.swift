import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// A message on its way: a head of known length, and the payload, whose length is looked at before there is memory for it.
enum MeshFrame {
  case broadcast(BroadcastMessage)
  case direct(UInt64, DirectCore.Message)

  private enum Kind: UInt8 {
    case broadcast = 1
    case direct
  }

  /// What goes before the payload.
  var head: [UInt8] {
    var output = WireWriter()
    switch self {
    case .broadcast(let message):
      let head = message.encodedHead
      output.append(Kind.broadcast.rawValue)
      output.append(UInt16(head.count))
      output.append(UInt32(message.payload.count))
      output.append(head)
    case .direct(let number, let message):
      output.append(Kind.direct.rawValue)
      output.append(UInt16(9))
      output.append(UInt32(message.payload.count))
      output.append(number)
      output.append(message.kind.rawValue)
    }
    return output.bytes
  }

  var payload: [UInt8] {
    switch self {
    case .broadcast(let message): message.payload
    case .direct(_, let message): message.payload
    }
  }

  /// - Parameter isComing: told of a message to all that is large, before it has come and while it does.
  static func read(
    from stream: StreamReader, atMost limit: Int,
    _ isComing: (BroadcastCore.Source, UInt64) async -> Void
  ) async throws -> MeshFrame {
    let start = try await stream.read(exactly: 7)
    let kind = Kind(rawValue: start[0])
    let headCount = Int(start.span.bytes.number(at: 1, as: UInt16.self))
    let count = Int(start.span.bytes.number(at: 3, as: UInt32.self))
    guard count <= limit else {
      throw MeshError(.tooLarge, "a message of \(count) bytes was sent, and at most \(limit) are taken")
    }
    let nonsense = MeshError(.nonsense, "a message cannot be read")
    switch kind {
    case .broadcast:
      guard headCount <= BroadcastMessage.mostHeadBytes else { throw nonsense }
      let head = try await stream.read(exactly: headCount)
      var payload: [UInt8] = []
      if count > MeshLimits.smallPayload, let (source, number) = BroadcastMessage.beginning(of: head) {
        await isComing(source, number)
        payload = try await stream.read(exactly: count) { await isComing(source, number) }
      } else if count > 0 {
        payload = try await stream.read(exactly: count)
      }
      guard let message = BroadcastMessage(head: head, payload: payload) else { throw nonsense }
      return .broadcast(message)
    case .direct:
      guard headCount == 9 else { throw nonsense }
      let head = try await stream.read(exactly: headCount)
      guard let kind = DirectCore.Message.Kind(rawValue: head[8]) else { throw nonsense }
      let payload = count == 0 ? [] : try await stream.read(exactly: count)
      if kind == .text, String(validating: payload, as: UTF8.self) == nil { throw nonsense }
      return .direct(head.span.bytes.number(at: 0, as: UInt64.self), DirectCore.Message(kind, payload))
    case nil: throw nonsense
    }
  }
}
