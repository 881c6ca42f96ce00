import Glibc
import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine
import WarrenTLS

/// Somebody else's program, with its files in a folder of its own: what it prints goes to `out`, and its end to `end`.
struct ForeignProgram {
  let folder: String
  nonisolated(unsafe) private let input: UnsafeMutablePointer<FILE>

  /// Why it cannot be run here.
  static func obstacle(_ program: String, package: String) -> String? {
    system("command -v \(program) >/dev/null 2>&1") == 0
      ? nil : "\(program) is not there: Scripts/interop.sh installs \(package)"
  }

  /// Runs it as long as `body` runs. It is told what ``say(_:)`` says.
  static func with(
    _ command: String, in folder: String, _ body: (ForeignProgram) async throws -> Void
  ) async throws {
    let program = try ForeignProgram(command, in: folder)
    let result: Result<Void, any Error>
    do { result = .success(try await body(program)) } catch { result = .failure(error) }
    fclose(program.input)
    // It has inherited that most signals are blocked. Its end is written down before the folder goes.
    let kill = "test -s \(folder)/end || kill -KILL $(cat \(folder)/pid) 2>/dev/null"
    _ = system("\(kill); for i in $(seq 500); do test -s \(folder)/end && break; sleep 0.01; done")
    try result.get()
  }

  private init(_ command: String, in folder: String) throws {
    self.folder = folder
    let run = "sh -c 'echo $$ >pid; exec \(command)' <in >out 2>&1; echo $? >end"
    try #require(system("cd \(folder) && mkfifo in && : >pid") == 0)
    // Both ways, so that nobody waits here until somebody reads.
    input = try #require(fopen("\(folder)/in", "r+"))
    setvbuf(input, nil, _IONBF, 0)
    try #require(
      system("cd \(folder) && { \(run); } & until test -s \(folder)/pid; do sleep 0.01; done") == 0)
  }

  /// Writes to it.
  func say(_ text: String) { fputs(text, input) }

  /// What it has printed, as soon as that contains `text`, or after 10 seconds.
  @discardableResult
  func printed(_ text: String, on machine: any Machine) async throws -> String {
    for _ in 0..<500 {
      if let printed = Folder.text(of: "\(folder)/out"), printed.contains(text) { return printed }
      try await machine.sleep(for: .milliseconds(20))
    }
    let printed = Folder.text(of: "\(folder)/out") ?? ""
    Issue.record("it does not print \(text) but: \(printed)")
    return printed
  }

  /// The number with which it ended.
  func end(on machine: any Machine) async throws -> String {
    try await Folder.line(of: "\(folder)/end", on: machine)
  }
}

extension LocalMachine {
  /// Runs `body` on a machine of its own, with a folder, and not for ever.
  static func with(
    _ body: @escaping @Sendable (LocalMachine, String) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      let machine = LocalMachine(name: "ours")
      do {
        try await machine.run {
          try await machine.withDeadline(.seconds(50)) { try await body(machine, folder) }
        }
      } catch {
        await machine.close()
        throw error
      }
      await machine.close()
    }
  }

  /// A port that nobody listens on now.
  func freePort() throws -> UInt16 {
    let listener = try listenTCP(on: .loopback(.v4))
    defer { listener.close() }
    return listener.localAddress.port
  }

  /// A connection with whoever begins to listen there.
  func patientTCP(to port: UInt16) async throws -> any TCPConnection {
    while true {
      do {
        return try await connectTCP(to: .loopback(.v4, port: port))
      } catch NetworkError.connectionRefused {
        try await sleep(for: .milliseconds(20))
      }
    }
  }
}

extension TLSConnection {
  /// The next line.
  func line() async throws -> String {
    var text: [UInt8] = []
    while text.last != UInt8(ascii: "\n"), let more = try await read(atMost: 1) { text += more }
    return String(decoding: text, as: UTF8.self)
  }

  /// Sends back whatever comes, to the end.
  func echo() async throws {
    while let bytes = try await read() { try await write(bytes) }
    try await finish()
    close()
  }
}
