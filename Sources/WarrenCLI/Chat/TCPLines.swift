import Warren
import WarrenTerminal

/// Lines over a plain TCP connection: the other side may be netcat.
actor TCPLines: LineCarrier {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  nonisolated let remote: SocketAddress
  private let connection: any TCPConnection
  private var splitter = LineSplitter(limit: ChatLimits.textBytes)
  private var hasHeardEnd = false
  private var waiting: [Wait<Void>] = []

  init(_ connection: sending any TCPConnection) {
    machine = connection.machine
    remote = connection.remoteAddress
    self.connection = connection
  }

  /// Tries these addresses one after the other.
  static func connect(to addresses: [SocketAddress], on machine: any Machine) async throws -> TCPLines {
    try await machine.run("connecting") {
      var failure: any Error = NetworkError.nameNotFound("")
      for address in addresses {
        do {
          return try await machine.withDeadline(ChatLimits.dialling) {
            nonisolated(unsafe) let connection = try await machine.connectTCP(to: address)
            return TCPLines(connection)
          }
        } catch {
          failure = error is DeadlineExceeded ? NetworkError.timedOut(address) : error
        }
      }
      throw failure
    }
  }

  nonisolated var ways: [String] { ["TCP \(remote)"] }

  nonisolated var wayUpdates: AsyncStream<String> {
    AsyncStream {
      $0.yield("TCP \(remote)")
      $0.finish()
    }
  }

  func say(_ text: String) async throws { try await connection.write(Array("\(text)\n".utf8)) }

  func hear(_ body: @Sendable (String) async -> Void) async throws {
    while let lines = try await nextLines() { for line in lines { await body(line) } }
  }

  /// Those that have come; nil when there will be no more.
  func nextLines() async throws -> [String]? {
    guard !hasHeardEnd else { return nil }
    var lines: [String] = []
    if let bytes = try await connection.read() {
      splitter.take(bytes)
      while let line = splitter.next() { lines.append(line) }
    } else {
      hasHeardEnd = true
      waiting.endAll(.success(()))
      waiting = []
      if let rest = splitter.takeRest() { lines.append(rest) }
    }
    // As some programs end lines, and the network's protocols do.
    return lines.map { $0.unicodeScalars.last == "\r" ? String($0.unicodeScalars.dropLast()) : $0 }
  }

  /// Some programs answer an end with none, such as netcat in a terminal: what was said leaves all the same.
  func end(within limit: Duration?) async {
    try? connection.finish()
    if !hasHeardEnd { _ = try? await machine.withDeadline(ChatLimits.farewell) { try await self.heardEnd() } }
    connection.close()
  }

  private func heardEnd() async throws {
    try await machine.suspend({ "the other side to hear what was said" }) { wait in
      if hasHeardEnd { wait.succeed(()) } else { waiting.append(wait) }
    }
  }

  func bothHaveEnded() { connection.close() }
}
