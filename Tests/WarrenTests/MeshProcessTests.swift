import Glibc
import TestSupport
import Testing
import Warren

/// `warren mesh`, as a program of its own.
@Suite("Programs that are nodes of a mesh")
struct MeshProcessTests {
  /// One that runs, and what it has printed.
  private struct Node: Sendable {
    let name: String
    let program: WarrenProgram

    /// - Parameter life: which time it is that it runs.
    init(_ name: String, in folder: String, life: Int = 1, _ words: [String]) throws {
      self.name = name
      let all = ["mesh", name, "--loopback", "--key", "\(folder)/\(name).pem"] + words
      program = try WarrenProgram("\(name) \(life)", in: folder, all)
    }

    /// What it has printed, without the time of day: a category and a text each.
    var lines: [String] {
      (program.out + program.err).split(separator: "\n").map {
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
  }

  @Test(
    "five talk; one that is killed is known to be gone within five seconds, and comes back under its key",
    .needsWarren)
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
      all.allSatisfy { node in all.allSatisfy { $0.name == node.name || node.has("member \($0.name) joined") }
      }
    }
    for node in all { node.program.type("I am \(node.name)\u{1B}[31m") }
    all[3].program.type("/tell node4 between us")
    try await machine.wait("all to have heard all") {
      all.allSatisfy { node in
        all.allSatisfy { $0.name == node.name || node.has("all \($0.name): I am \($0.name)\u{FFFD}[31m") }
      } && all[4].has("alone node3: between us")
    }
    let (killed, rest) = (all[2], all.filter { $0.name != all[2].name })
    killed.program.send(SIGKILL)
    let time = try await machine.wait("all to know that one is gone", atMost: .seconds(10)) {
      rest.allSatisfy { $0.has("member node2 died") }
    }
    #expect(time < .seconds(5))
    #expect(try await killed.program.end(on: machine).signal == SIGKILL)
    let back = try Node("node2", in: folder, life: 2, ["--connect", at])
    try await machine.wait("it to be back") {
      rest.allSatisfy { node in
        node.lines.count { $0.hasPrefix("member node2 joined") } == 2
          && back.has("member \(node.name) joined")
      }
    }
    back.program.type("I am back")
    try await machine.wait("it to be heard") { rest.allSatisfy { $0.has("all node2: I am back") } }
    let keys = ([killed, back]).map {
      $0.lines.first { $0.hasPrefix("mesh started") }?.split(separator: " ")[3]
    }
    #expect(keys[0] == keys[1])
    // One is asked to go by each of the ways there are.
    let order = [all[4], all[3], back, all[1], first]
    for (place, node) in order.enumerated() {
      switch place {
      case 0: node.program.send(SIGTERM)
      case 1: node.program.send(SIGINT)
      case 2: node.program.type("/quit")
      default: node.program.endInput()
      }
      let end = try await node.program.end(on: machine)
      #expect(end == (0, 0))
      #expect(node.has("mesh left"))
      let others = order[(place + 1)...]
      try await machine.wait("the others to know that \(node.name) has left") {
        others.allSatisfy { $0.has("member \(node.name) left") }
      }
    }
  }
}
