import Glibc
import TestSupport
import Testing
import Warren

/// `warren mesh`, as a program of its own.
@Suite("Programs that are nodes of a mesh")
struct MeshProcessTests {
  private static let warren = Folder.repository + "/.build/debug/warren"

  static let obstacle: String? =
    access(warren, X_OK) == 0 ? nil : "the command is not built: swift build --product warren"

  /// One that runs, and what it has printed.
  private final class Node: @unchecked Sendable {
    let name: String
    private var input: CInt
    private let pid: pid_t
    private let output: String

    /// - Parameter life: which time it is that it runs.
    init(_ name: String, in folder: String, life: Int = 1, _ words: [String]) throws {
      self.name = name
      output = "\(folder)/\(name) \(life)"
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      let all =
        [MeshProcessTests.warren, "mesh", name, "--loopback", "--key", "\(folder)/\(name).pem"] + words
      var arguments: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) } + [nil]
      defer { for argument in arguments { free(argument) } }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
      // A loop's thread has its signals blocked, and so would the program.
      var attributes = posix_spawnattr_t()
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      var none = sigset_t()
      sigemptyset(&none)
      posix_spawnattr_setsigmask(&attributes, &none)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
      var pid: pid_t = 0
      try #require(posix_spawn(&pid, all[0], &actions, &attributes, &arguments, environ) == 0)
      close(ends[0])
      (self.pid, input) = (pid, ends[1])
    }

    /// What it has printed, without the time of day: a category and a text each.
    var lines: [String] {
      (Folder.text(of: output) ?? "").split(separator: "\n").map {
        $0.split(separator: " ").dropFirst().joined(separator: " ")
      }
    }

    func has(_ beginning: String) -> Bool { lines.contains { $0.hasPrefix(beginning) } }

    /// Its address on this computer.
    var address: String? {
      lines.first { $0.hasPrefix("mesh started") }?.split(separator: " ").first { $0.hasPrefix("127.0.0.1:") }
        .map(
          String.init)
    }

    func type(_ line: String) {
      _ = line.withCString { write(input, $0, strlen($0)) } + write(input, "\n", 1)
    }

    func endInput() {
      if input >= 0 { close(input) }
      input = -1
    }

    func send(_ signal: CInt) { kill(pid, signal) }

    /// Waits until it has ended.
    ///
    /// - Returns: with which code, or by which signal.
    func end(on machine: any Machine) async throws -> (code: CInt, signal: CInt) {
      var status: CInt = 0
      let pid = pid
      for _ in 0..<1000 {
        if waitpid(pid, &status, WNOHANG) == pid {
          endInput()
          return (status >> 8 & 255, status & 127)
        }
        try await machine.sleep(for: .milliseconds(10))
      }
      kill(pid, SIGKILL)
      waitpid(pid, &status, 0)
      Issue.record("\(name) does not end: \(lines)")
      return (-1, -1)
    }
  }

  @Test(
    "five talk; one that is killed is known to be gone within five seconds, and comes back under its key",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func five() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
        try await play(in: folder, on: machines[0])
      }
    }
  }

  private func play(in folder: String, on machine: any Machine) async throws {
    let first = try Node("node0", in: folder, [])
    try await machine.wait("the first to have begun") { first.address != nil }
    let at = try #require(first.address)
    var nodes = [first]
    for number in 1..<5 { nodes.append(try Node("node\(number)", in: folder, ["--connect", at])) }
    let all = nodes
    try await machine.wait("all to know all") {
      all.allSatisfy { node in all.allSatisfy { $0 === node || node.has("member \($0.name) joined") } }
    }
    for node in all { node.type("I am \(node.name)\u{1B}[31m") }
    all[3].type("/tell node4 between us")
    try await machine.wait("all to have heard all") {
      all.allSatisfy { node in
        all.allSatisfy { $0 === node || node.has("all \($0.name): I am \($0.name)\u{FFFD}[31m") }
      } && all[4].has("alone node3: between us")
    }
    let (killed, rest) = (all[2], all.filter { $0 !== all[2] })
    killed.send(SIGKILL)
    let time = try await machine.wait("all to know that one is gone", atMost: .seconds(10)) {
      rest.allSatisfy { $0.has("member node2 died") }
    }
    #expect(time < .seconds(5))
    #expect(try await killed.end(on: machine).signal == SIGKILL)
    let back = try Node("node2", in: folder, life: 2, ["--connect", at])
    try await machine.wait("it to be back") {
      rest.allSatisfy { node in
        node.lines.count { $0.hasPrefix("member node2 joined") } == 2
          && back.has("member \(node.name) joined")
      }
    }
    back.type("I am back")
    try await machine.wait("it to be heard") { rest.allSatisfy { $0.has("all node2: I am back") } }
    let keys = ([killed, back]).map {
      $0.lines.first { $0.hasPrefix("mesh started") }?.split(separator: " ")[3]
    }
    #expect(keys[0] == keys[1])
    // One is asked to go by each of the ways there are.
    let order = [all[4], all[3], back, all[1], first]
    for (place, node) in order.enumerated() {
      switch place {
      case 0: node.send(SIGTERM)
      case 1: node.send(SIGINT)
      case 2: node.type("/quit")
      default: node.endInput()
      }
      let end = try await node.end(on: machine)
      #expect(end == (0, 0))
      #expect(node.has("mesh left"))
      let others = order[(place + 1)...]
      try await machine.wait("the others to know that \(node.name) has left") {
        others.allSatisfy { $0.has("member \(node.name) left") }
      }
    }
  }
}
