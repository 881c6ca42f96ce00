import Glibc

/// A program that runs beside this one until it is ended.
struct Program {
  let pid: pid_t

  /// Starts one whose output nobody sees; nil where it is not installed.
  static func silent(_ words: [String]) -> Program? {
    start(words[0], words) { actions in
      for descriptor in [1, 2] as [CInt] {
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
      }
    }
  }

  /// Starts this program once more, to do something else, with what leads into it and what comes out.
  static func another(doing what: String) -> (Program, input: CInt, output: UnsafeMutablePointer<FILE>) {
    var (down, up) = ([0, 0] as [CInt], [0, 0] as [CInt])
    precondition(pipe(&down) == 0 && pipe(&up) == 0, "the system has no pipe left")
    let program = start("/proc/self/exe", ["Benchmarks", what]) { actions in
      posix_spawn_file_actions_adddup2(&actions, down[0], 0)
      posix_spawn_file_actions_adddup2(&actions, up[1], 1)
      for descriptor in down + up { posix_spawn_file_actions_addclose(&actions, descriptor) }
    }
    close(down[0])
    close(up[1])
    guard let program else { preconditionFailure("this program does not start once more") }
    return (program, down[1], fdopen(up[0], "r")!)
  }

  private static func start(
    _ file: String, _ words: [String], _ change: (inout posix_spawn_file_actions_t) -> Void
  ) -> Program? {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    change(&actions)
    var pid: pid_t = 0
    return posix_spawnp(&pid, file, &actions, nil, &arguments, environ) == 0 ? Program(pid: pid) : nil
  }

  /// Ends it: whoever started it may have told it to hear no other signal.
  func end() {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// User's and system's seconds of the processor's time that it has used.
  var seconds: Double {
    // Its name stands in parentheses, and the state is the first word behind them.
    let words = read("stat").split(separator: ")").last?.split(separator: " ") ?? []
    guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else { return 0 }
    return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
  }

  var residentBytes: Int {
    let words = read("statm").split(separator: " ")
    return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
  }

  /// The most memory that it has had at any time.
  var peakBytes: Int {
    guard let file = fopen("/proc/\(pid)/status", "r") else { return 0 }
    defer { fclose(file) }
    while let line = file.line() {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.first == "VmHWM:", words.count > 1 { return (Int(words[1]) ?? 0) << 10 }
    }
    return 0
  }

  /// What the system says of it.
  private func read(_ name: String) -> String {
    guard let file = fopen("/proc/\(pid)/\(name)", "r") else { return "" }
    defer { fclose(file) }
    return file.line() ?? ""
  }
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
