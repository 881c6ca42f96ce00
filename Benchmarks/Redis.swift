import Glibc
import Warren

/// A Redis of its own, on loopback and without a disk, which is ended with the benchmark.
struct Redis {
  /// Requests a second, by the clock and by the processor's time of the server.
  struct Rate {
    var perSecond: Double
    var perCPU: Double
  }

  private let program: Program
  private let port: UInt16

  /// Starts one; nil where it is not installed, or does not come up.
  init?(on machine: any Machine) async throws {
    let port = try await machine.run {
      // A port that nobody has: whoever takes it meanwhile has Redis not come up.
      let listener = try machine.listenTCP(on: .loopback(.v4))
      defer { listener.close() }
      return listener.localAddress.port
    }
    let words = [
      "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
    ]
    guard let program = Program.silent(words) else { return nil }
    self.program = program
    self.port = port
    for _ in 0..<100 {
      try await machine.sleep(for: .milliseconds(20))
      let isThere = try await machine.run {
        guard let connection = try? await machine.connectTCP(to: .loopback(.v4, port: port)) else {
          return false
        }
        connection.close()
        return true
      }
      if isThere { return }
    }
    end()
    return nil
  }

  /// It keeps nothing.
  func end() { program.end() }

  /// What `redis-benchmark` finds; nil where there is none.
  ///
  /// - Parameters:
  ///   - clients: how many connections it makes.
  ///   - depth: how many requests it sends at once on each of them.
  func rate(of command: String, clients: Int, depth: Int, count: Int) -> Rate? {
    let before = program.seconds
    let line =
      "redis-benchmark -h 127.0.0.1 -p \(port) -c \(clients) -P \(depth) -n \(count) -r 100000 --csv \(command) 2>/dev/null"
    guard let pipe = popen(line, "r") else { return nil }
    defer { pclose(pipe) }
    var last = ""
    while let line = pipe.line() { last = line }
    let parts = last.split(separator: ",")
    guard parts.count > 1, let rate = Double(parts[1].filter { $0 != "\"" }) else { return nil }
    return Rate(perSecond: rate, perCPU: Double(count) / (program.seconds - before))
  }
}
