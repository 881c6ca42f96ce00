import Warren
import WarrenTerminal

/// A pipe between two programs, over one stream of their connection: what this one reads the other one writes, and the other way
/// round.
///
/// Each side begins with ``mark``. Who has written all that came says so with ``isThere`` on a stream of its own: only then may the
/// connection go, as its end overtakes what was said before.
struct Pipe: Sendable {
  /// That there is no way as it was wished, as a connection's end says it.
  static let noWay: UInt64 = 0x77_70
  private static let isDone: UInt64 = 0x77_71
  private static let mark: [UInt8] = Array("wpi1".utf8)
  private static let isThere: [UInt8] = [1]
  /// How long the one who has heard that all is there waits for the other to have heard it as well.
  private static let farewell: Duration = .seconds(5)

  private enum Way {
    case out
    case back
  }

  private let connection: Connection
  private let machine: any Machine
  private let input = InputBytes(ahead: 4)
  private let output = OutputBytes()

  /// Whether standard input is a terminal and standard output is not, as in `warren pair SECRET | tar x`.
  private let isOnlyHeard: Bool

  init(_ connection: Connection, on machine: any Machine, _ terminal: Terminal) {
    (self.connection, self.machine) = (connection, machine)
    isOnlyHeard = terminal.isInputTerminal && !terminal.isTerminal(.results)
  }

  /// Carries everything, both ways.
  func run() async throws {
    do {
      var others = connection.incomingStreams.makeAsyncIterator()
      let stream: Connection.Stream
      if connection.isClient {
        stream = try await connection.openStream()
      } else {
        stream = try await Self.next(&others, of: connection)
      }
      try await stream.write(Self.mark)
      guard try await stream.read(exactly: Self.mark.count) == Self.mark else {
        throw PeerError(.notReachable, "the other side is no 'warren pair'")
      }
      try await withThrowingTaskGroup(of: Way.self) { group in
        group.addTask {
          for try await piece in input { try await stream.write(piece) }
          try await stream.finish()
          return .out
        }
        group.addTask {
          while let piece = try await stream.read() { try await output.write(piece) }
          output.finish()
          return .back
        }
        // The first error ends both: `waitForAll` would wait for what somebody types.
        while let done = try await group.next() {
          // Whoever has piped on what came does not type that this was all.
          guard done == .back, isOnlyHeard, !group.isEmpty else { continue }
          group.cancelAll()
          try await stream.finish()
          return
        }
      }
      try await leave(&others)
    } catch let error as QUICError {
      guard error.isRemote else { throw error }
      throw PeerError(.closed, "the other side has gone before everything was there: \(error.reason)")
    }
  }

  /// Both have to know that all is there.
  private func leave(_ others: inout Connection.IncomingStreams.Iterator) async throws {
    let word = try await connection.openStream(isBidirectional: false)
    try await word.write(Self.isThere)
    try await word.finish()
    do {
      let answer = try await Self.next(&others, of: connection)
      _ = try await answer.read(exactly: Self.isThere.count)
    } catch let error as QUICError where error.code == .application(Self.isDone) {
      return
    }
    if connection.isClient {
      _ = try? await machine.withDeadline(Self.farewell) { try await connection.closed() }
    } else {
      await connection.close(code: Self.isDone, reason: "everything is there")
    }
  }

  /// The next stream that the other side opens.
  private static func next(
    _ streams: inout Connection.IncomingStreams.Iterator, of connection: Connection
  ) async throws -> Connection.Stream {
    if let stream = await streams.next() { return stream }
    try Task.checkCancellation()
    throw try await connection.closed()
  }
}
