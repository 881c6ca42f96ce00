import Glibc
import Warren

/// A Redis of its own, on loopback and without a disk, which is ended with the benchmark.
struct Redis {
  /// Requests a second, by the clock and by the processor's time of the server.
  struct Rate {
    var perSecond: Double
    var perCPU: Double
  }

  private let pid: pid_t
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
    guard let pid = start("redis-server", words) else { return nil }
    self.pid = pid
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

  func end() {
    // It keeps nothing, and whoever started it may have told it to hear no other signal.
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// What `redis-benchmark` finds; nil where there is none.
  ///
  /// - Parameters:
  ///   - clients: how many connections it makes.
  ///   - depth: how many requests it sends at once on each of them.
  func rate(of command: String, clients: Int, depth: Int, count: Int) -> Rate? {
    let before = seconds
    let line =
      "redis-benchmark -h 127.0.0.1 -p \(port) -c \(clients) -P \(depth) -n \(count) -r 100000 --csv \(command) 2>/dev/null"
    guard let pipe = popen(line, "r") else { return nil }
    defer { pclose(pipe) }
    var last = ""
    while let line = pipe.line() { last = line }
    let parts = last.split(separator: ",")
    guard parts.count > 1, let rate = Double(parts[1].filter { $0 != "\"" }) else { return nil }
    return Rate(perSecond: rate, perCPU: Double(count) / (seconds - before))
  }

  /// User's and system's seconds of the server.
  private var seconds: Double {
    guard let file = fopen("/proc/\(pid)/stat", "r") else { return 0 }
    defer { fclose(file) }
    // Its name stands in parentheses, and the state is the first word behind them.
    let words = (file.line() ?? "").split(separator: ")").last?.split(separator: " ") ?? []
    guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else { return 0 }
    return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
  }
}

/// Starts a program whose output nobody sees.
private func start(_ program: String, _ words: [String]) -> pid_t? {
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for descriptor in [1, 2] as [CInt] {
    posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
  }
  var pid: pid_t = 0
  return posix_spawnp(&pid, program, &actions, nil, &arguments, environ) == 0 ? pid : nil
}

extension UnsafeMutablePointer<FILE> {
  /// The next line, without its end.
  func line() -> String? {
    var bytes: [UInt8] = []
    while true {
      let byte = fgetc(self)
      if byte == EOF { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(UInt8(byte))
    }
  }
}
