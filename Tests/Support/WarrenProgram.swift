import Glibc
import Testing
import WarrenMachine

/// The command `warren`, as a program of its own that runs, and what it has printed.
///
/// It has a home of its own in `folder`: nobody's keys and settings are touched.
public final class WarrenProgram: @unchecked Sendable {
  public static let path = Folder.repository + "/.build/debug/warren"
  /// Why it cannot be run here.
  public static let obstacle: String? =
    access(path, X_OK) == 0 ? nil : "the command is not built: swift build --product warren"

  public let name: String
  private let pid: pid_t
  private var input: CInt
  private let output: String
  private let errors: String
  private var hasEnded = false

  /// - Parameters:
  ///   - name: what its files in `folder` are called.
  ///   - settings: more of its environment.
  ///   - group: with whom it ends; with nobody if there is none.
  public init(
    _ name: String, in folder: String, _ words: [String], settings: [String: String] = [:],
    with group: ProcessGroup? = nil
  ) throws {
    self.name = name
    (output, errors) = ("\(folder)/\(name).out", "\(folder)/\(name).err")
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var arguments: [UnsafeMutablePointer<CChar>?] = ([Self.path] + words).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var variables = ["HOME": folder, "PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no", "TZ": "UTC"]
    variables.merge(settings) { $1 }
    var environment: [UnsafeMutablePointer<CChar>?] =
      variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for variable in environment { free(variable) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // A loop's thread has its signals blocked, and so would the program.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    // While another test is in `system`, this process ignores what Ctrl-C says, and so would the program.
    var usual = sigset_t()
    sigemptyset(&usual)
    for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] { sigaddset(&usual, number) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    var flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    if let group {
      posix_spawnattr_setpgroup(&attributes, group.id)
      flags |= POSIX_SPAWN_SETPGROUP
    }
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, Self.path, &actions, &attributes, &arguments, &environment) == 0)
    close(ends[0])
    (self.pid, input) = (pid, ends[1])
  }

  /// A test that failed has not ended it. Nothing of it may be left: Swift's exit tests wait for any child of this process, and wait in
  /// vain for others where one is dead that nobody has asked about.
  deinit {
    endInput()
    guard !hasEnded else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// What it has printed on standard output.
  public var out: String { Folder.text(of: output) ?? "" }
  /// What it has printed on standard error.
  public var err: String { Folder.text(of: errors) ?? "" }

  /// How many files and sockets it has open.
  public var descriptorCount: Int { Folder.names(in: "/proc/\(pid)/fd").count }

  public func type(_ line: String) {
    _ = line.withCString { write(input, $0, strlen($0)) } + write(input, "\n", 1)
  }

  /// Writes all of these, however long it takes to read them.
  public func type(bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  public func endInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  public func send(_ signal: CInt) { kill(pid, signal) }

  /// Waits until it has ended, and kills it where it does not.
  ///
  /// - Returns: with which code, or by which signal.
  @discardableResult
  public func end(
    on machine: any Machine, within limit: Duration = .seconds(20)
  ) async throws -> (code: CInt, signal: CInt) {
    var status: CInt = 0
    let pid = pid
    for _ in 0..<Int(limit / .milliseconds(10)) {
      if waitpid(pid, &status, WNOHANG) == pid {
        hasEnded = true
        endInput()
        return (status >> 8 & 255, status & 127)
      }
      try await machine.sleep(for: .milliseconds(10))
    }
    kill(pid, SIGKILL)
    waitpid(pid, &status, 0)
    hasEnded = true
    Issue.record("\(name) does not end: \(out) \(err)")
    return (-1, -1)
  }
}

extension Trait where Self == ConditionTrait {
  /// Where the command is built.
  public static var needsWarren: Self {
    .enabled(if: WarrenProgram.obstacle == nil, Comment(rawValue: WarrenProgram.obstacle ?? ""))
  }
}
