import Warren

/// Lines to a program that knows ICE and nothing of Warren, such as libnice's chat: a datagram each, which may get lost. A zero byte
/// says that it was the last.
struct DatagramLines: LineCarrier {
  let connection: PunchedConnection
  let meeting: ICEMeeting

  func say(_ text: String) async throws {
    let bytes = Array("\(text)\n".utf8)
    guard bytes.count <= ChatLimits.datagramBytes else { throw ChatError.tooLongForDatagram(bytes.count) }
    try await connection.send(bytes)
  }

  func hear(_ body: @Sendable (String) async -> Void) async throws {
    for await datagram in connection.datagrams {
      if datagram == [0] { return }
      for line in String(decoding: datagram, as: UTF8.self).split(whereSeparator: \.isNewline) {
        await body(String(line))
      }
    }
    try Task.checkCancellation()
    throw QUICError(.idle)
  }

  func end(within limit: Duration?) async { try? await connection.send([0]) }

  func bothHaveEnded() async {}

  var ways: [String] { get async { await meeting.ways } }

  var wayUpdates: AsyncStream<String> { meeting.wayUpdates }
}

/// A conversation with a warren that was found by ICE.
struct ICETalk: LineCarrier {
  let talk: ChatTalk
  let meeting: ICEMeeting

  func say(_ text: String) async throws { try await talk.say(text) }

  func hear(_ body: @Sendable (String) async -> Void) async throws { try await talk.hear(body) }

  func end(within limit: Duration?) async { await talk.end(within: limit) }

  func bothHaveEnded() async { await talk.bothHaveEnded() }

  var ways: [String] { get async { await meeting.ways } }

  var wayUpdates: AsyncStream<String> { meeting.wayUpdates }
}
