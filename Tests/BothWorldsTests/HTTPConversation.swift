import Testing
import Warren

/// A client of HTTP that says just what it is told to, and reads what it is answered.
actor HTTPConversation {
  struct Answer: Equatable {
    var status: Int
    var fields: [String: String]
    var body: String
  }

  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var connection: (any TCPConnection)?
  private var bytes: [UInt8] = []

  private init(on machine: any Machine) { self.machine = machine }

  static func begin(on machine: any Machine, with server: SocketAddress) async throws -> HTTPConversation {
    let conversation = HTTPConversation(on: machine)
    try await conversation.connect(to: server)
    return conversation
  }

  private func connect(to server: SocketAddress) async throws {
    connection = try await machine.connectTCP(to: server)
  }

  func say(_ text: String) async throws { try await say(Array(text.utf8)) }

  func say(_ bytes: [UInt8]) async throws {
    let connection = try #require(connection)
    try await connection.write(bytes)
  }

  func ask(_ method: String, _ target: String, _ body: String? = nil) async throws -> Answer {
    try await say(Self.request(method, target, body))
    return try await answer(to: method)
  }

  static func request(_ method: String, _ target: String, _ body: String? = nil) -> String {
    let length = body.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
    return "\(method) \(target) HTTP/1.1\r\nHost: registry\r\n\(length)\r\n\(body ?? "")"
  }

  /// The next answer, whose body's length its head says.
  func answer(to method: String = "GET") async throws -> Answer {
    let end = Array("\r\n\r\n".utf8)
    while bytes.firstRange(of: end) == nil { try await read() }
    let head = String(decoding: bytes[..<bytes.firstRange(of: end)!.lowerBound], as: UTF8.self)
    bytes.removeFirst(bytes.firstRange(of: end)!.upperBound)
    var fields: [String: String] = [:]
    let lines = head.split(separator: "\r\n")
    for line in lines.dropFirst() {
      let halves = line.split(separator: ": ", maxSplits: 1)
      fields[halves[0].lowercased()] = String(halves[1])
    }
    let length = method == "HEAD" ? 0 : try #require(Int(fields["content-length"] ?? "0"))
    while bytes.count < length { try await read() }
    let body = String(decoding: bytes[..<length], as: UTF8.self)
    bytes.removeFirst(length)
    return Answer(status: try #require(Int(lines[0].split(separator: " ")[1])), fields: fields, body: body)
  }

  private func read() async throws {
    let connection = try #require(connection)
    guard let more = try await connection.read() else {
      throw NetworkError.connectionReset(connection.remoteAddress)
    }
    bytes += more
  }

  /// Whether nothing more comes, and the connection ends.
  func hasEnded() async -> Bool {
    guard bytes.isEmpty else { return false }
    do { return try await connection?.read() == nil } catch { return true }
  }

  nonisolated func close() { machine.submit { self.assumeIsolated { $0.connection?.close() } } }
}
