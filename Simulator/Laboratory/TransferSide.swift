import Warren

/// One end of a connection, and what it does there.
struct TransferSide: Sendable {
  let machine: any Machine
  let connection: Connection
  /// How many streams the client opens, and how many bytes go there and back on each.
  let streams: Int
  let streamBytes: Int

  /// What became of it.
  struct Report: Sendable {
    /// Why some of what it did has not come to its end.
    var errors: [any Error] = []
    /// How many datagrams have arrived.
    var datagrams = 0
  }

  /// How the server closes once the client has everything.
  static let end = QUICError(.application(7), reason: "everything is there")
  /// How much is written at once.
  private static let pieceBytes = 16_384
  /// How large a datagram is at most: it fits the smallest packet.
  private static let largestDatagram = 1100
  /// How long a datagram is waited for before the end.
  private static let patience: Duration = .milliseconds(20)

  /// How many datagrams the client sends.
  var datagramCount: Int { streams * ((streamBytes + Self.pieceBytes - 1) / Self.pieceBytes) }

  // MARK: The client

  /// Sends everything, reads it back, and says so when all of it is there and `meanwhile` has come to its end.
  func ask(_ meanwhile: @escaping @Sendable () async throws -> Void) async -> Report {
    let arriving = spawnDatagrams { _ in }
    let happening = machine.spawn("what happens meanwhile") { try await meanwhile() }
    var tasks: [Task<Void, any Error>] = []
    var report = Report()
    do {
      for _ in 0..<streams {
        let stream = try await connection.openStream()
        tasks.append(machine.spawn("writer of stream \(stream.id)") { try await write(stream) })
        tasks.append(machine.spawn("reader of stream \(stream.id)") { try await readBack(stream) })
      }
      report.errors = await Self.errors(of: tasks)
      if report.errors.isEmpty {
        try await happening.value
        // The last datagram may be held back on the way.
        try await machine.sleep(for: Self.patience)
        try await connection.openStream(isBidirectional: false).finish()
      }
    } catch {
      report.errors.append(error)
    }
    happening.cancel()
    if let error = report.errors.first { await connection.close(code: 1, reason: "\(error)") }
    await report.take(arriving)
    return report
  }

  /// Writes a stream to its end.
  private func write(_ stream: Connection.Stream) async throws {
    let pattern = Pattern(key: UInt64(stream.id))
    for place in stride(from: 0, to: streamBytes, by: Self.pieceBytes) {
      try await stream.write(pattern.bytes(place..<min(place + Self.pieceBytes, streamBytes)))
    }
    try await stream.finish()
  }

  /// Reads a stream, and sends a datagram for each piece of it.
  private func readBack(_ stream: Connection.Stream) async throws {
    var count = 0
    var place = 0
    try await read(stream) { bytes in
      count += bytes.count
      while place < count {
        try await connection.send(datagram: Self.datagram(UInt64(stream.id) << 32 + UInt64(place)))
        place += Self.pieceBytes
      }
    }
  }

  // MARK: The server

  /// Sends back whatever comes, and closes when the client has all of it.
  func answer() async -> Report {
    let arriving = spawnDatagrams { _ = try? await connection.send(datagram: $0) }
    var tasks: [Task<Void, any Error>] = []
    for await stream in connection.incomingStreams {
      if stream.isBidirectional {
        tasks.append(machine.spawn("echo of stream \(stream.id)") { try await echo(stream) })
      } else if case .application(let code) = Self.end.code {
        await connection.close(code: code, reason: Self.end.reason)
      }
    }
    var report = Report(errors: await Self.errors(of: tasks))
    if tasks.count != streams {
      report.errors.append(Transfer.Failure("\(tasks.count) of \(streams) streams came"))
    }
    await report.take(arriving)
    return report
  }

  private func echo(_ stream: Connection.Stream) async throws {
    try await read(stream) { try await stream.write($0) }
    try await stream.finish()
  }

  // MARK: Both

  /// Reads a stream to its end; where it is not what was written, nothing goes on.
  private func read(_ stream: Connection.Stream, _ body: ([UInt8]) async throws -> Void) async throws {
    let pattern = Pattern(key: UInt64(stream.id))
    var count = 0
    for try await bytes in stream {
      if let place = pattern.firstDifference(of: bytes, from: count) {
        throw await failed("byte \(place) of stream \(stream.id) is not what was written there")
      }
      count += bytes.count
      try await body(bytes)
    }
    if count != streamBytes {
      throw await failed("stream \(stream.id) has ended after \(count) of \(streamBytes) bytes")
    }
  }

  /// Takes datagrams until the connection is over: each whole, unchanged, and once.
  private func spawnDatagrams(
    _ body: @escaping @Sendable ([UInt8]) async -> Void
  ) -> Task<Int, any Error> {
    machine.spawn("datagrams") {
      var known: Set<UInt64> = []
      for await bytes in connection.datagrams {
        guard let number = Self.number(of: bytes) else {
          throw await failed("a datagram is not what was sent")
        }
        guard known.insert(number).inserted else { throw await failed("a datagram came twice") }
        await body(bytes)
      }
      return known.count
    }
  }

  /// Bytes that say which datagram they are: the number, and what follows from it.
  private static func datagram(_ number: UInt64) -> [UInt8] {
    let size = 8 + Int(number % UInt64(largestDatagram - 8))
    return withUnsafeBytes(of: number.littleEndian) { Array($0) } + Pattern(key: number).bytes(8..<size)
  }

  private static func number(of bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= 8 else { return nil }
    let number = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    return bytes == datagram(number) ? number : nil
  }

  /// Something is wrong: both sides are told, so that nobody waits for what does not come.
  private func failed(_ reason: String) async -> Transfer.Failure {
    await connection.close(code: 1, reason: reason)
    return Transfer.Failure(reason)
  }

  /// Waits for all of them, whatever becomes of the others.
  private static func errors(of tasks: [Task<Void, any Error>]) async -> [any Error] {
    var errors: [any Error] = []
    for task in tasks {
      do { try await task.value } catch { errors.append(error) }
    }
    return errors
  }
}

extension TransferSide.Report {
  /// Takes how many datagrams there were, or why there were no more.
  fileprivate mutating func take(_ arriving: Task<Int, any Error>) async {
    do { datagrams = try await arriving.value } catch { errors.append(error) }
  }
}
