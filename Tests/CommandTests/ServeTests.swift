import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren serve, status and key", .needsWarren)
struct ServeTests {
  @Test("a registry says where it is, is asked how it is, reads its users again, and stops when asked to")
  func serve() async throws {
    try await onRegistry(["--http", "0", "--pairing", "0", "--users", "users"]) { registry, machine, folder in
      #expect(registry.program.err.contains("answering over HTTP port="))
      #expect(registry.program.err.contains("pairing by JSON port="))
      let status = try await run(["status", "--loopback", "--json"], registry, machine, folder)
      #expect(status.code == 0 && status.out.contains(#""udp":true"#), "\(status)")
      #expect(status.out.contains(#""relays":["turn:127.0.0.1:"#), "\(status)")
      // What is wrong in the file is said, and what was there before counts.
      _ = system("echo bob >> \(folder)/users")
      registry.program.send(SIGHUP)
      try await machine.wait("it to have read") { registry.program.err.contains("stay as they were") }
      _ = system("echo bob:secret > \(folder)/users")
      registry.program.send(SIGHUP)
      try await machine.wait("it to have read") { registry.program.err.contains("were read again") }
      registry.program.send(SIGTERM)
      let end = try await registry.program.end(on: machine)
      #expect(end == (0, 0))
    }
  }

  @Test("its file with options is read again: what can be changed is, and what cannot is named")
  func rereading() async throws {
    try await onRegistry(["--users", "users"]) { registry, machine, folder in
      let program = registry.program
      func reread(_ text: String, until told: String) async throws -> String {
        let before = program.err.utf8.count
        unlink(folder + "/.config/warren/config")
        Folder.put(text, at: folder + "/.config/warren/config")
        program.send(SIGHUP)
        try await machine.wait("\(told) after \(text)") {
          Self.part(of: program, from: before).contains(told)
        }
        return Self.part(of: program, from: before)
      }
      _ = system("mkdir -p \(folder)/.config/warren")
      let applied = try await reread(
        "sessions 1\nallocations 7\nbandwidth 1000000\n# none of its\nstun 192.0.2.1\n",
        until: "were read again sessions=1 allocations=7 bandwidth=1000000\n")
      #expect(!applied.contains("restart"), "\(applied)")
      // There is room for one, who stays when there is room for nobody.
      let alice = try await Chatter.known(as: "alice", registry, machine, in: folder)
      let status = try await run(["status", "--loopback"], registry, machine, folder)
      #expect(status.code != 0, "\(status)")
      // The command line says that the port is 0, and which addresses: the file does not count there.
      let named = try await reread(
        "http 8080\nno-relay\nport 5000\nlog-format json\nsessions 2\n", until: "were read again")
      for name in ["http", "relay", "log-format"] {
        #expect(named.contains("\(name) is changed in the file: it takes a restart\n"), "\(named)")
      }
      #expect(
        named.contains("sessions=2 allocations=10000 bandwidth=null\n") && !named.contains("port is"),
        "\(named)")
      #expect(try await run(["status", "--loopback"], registry, machine, folder).code == 0)
      let wrong = try await reread("sessions 1\nbandwidth much\n", until: "stay as they were")
      #expect(
        wrong.contains(
          ".config/warren/config, line 2: bandwidth wants a whole number from 1000 on, such as 50000000, not \"much\""
        ), "\(wrong)")
      unlink(folder + "/users")
      Folder.put("alice:secret\n\nbob\n", at: folder + "/users")
      let users = try await reread("sessions 1\n", until: "stay as they were")
      #expect(
        users.contains("/users\", line 3 of the users: there is no colon: write name:password"), "\(users)")
      #expect(try await run(["status", "--loopback"], registry, machine, folder).code == 0)
      try await alice.leaves("exit")
      program.send(SIGTERM)
      #expect(try await program.end(on: machine) == (0, 0))
    }
  }

  private static func part(of program: WarrenProgram, from place: Int) -> String {
    String(decoding: program.err.utf8.dropFirst(place), as: UTF8.self)
  }

  @Test("what goes wrong is one line that says what to do, and a number for scripts")
  func wrong() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let port = String(registry.address.split(separator: ":")[2].prefix { $0.isNumber })
      func expect(
        _ code: CInt, _ text: String, _ words: String..., at place: SourceLocation = #_sourceLocation
      )
        async throws
      {
        let result = try await run(words, nil, machine, folder)
        #expect(result.code == code, "\(result)", sourceLocation: place)
        #expect(result.err.contains(text), "\(result)", sourceLocation: place)
        #expect(result.err.count { $0 == "\n" } == 1 && result.out == "", "\(result)", sourceLocation: place)
      }
      try await expect(71, "is in use by another socket: choose another port", "serve", "-p", port)
      try await expect(64, "no registry is named: give --registry", "status")
      try await expect(69, "does not answer", "status", "--loopback", "-r", "warren://127.0.0.1:9")
      try await expect(64, "its key is not one", "status", "-r", "warren://127.0.0.1:9/nokey")
      Folder.put("no key", at: folder + "/bad.pem")
      try await expect(78, "holds no private key in PEM", "key", folder + "/bad.pem")
      Folder.put("alice:1\nalice:2\n", at: folder + "/twice")
      try await expect(
        78, "twice\", line 2 of the users: this user was named before", "serve", "-p", "0", "--users",
        folder + "/twice")
      try await expect(78, "there is no folder for the key file", "serve", "-k", folder + "/none/key.pem")
      Folder.put("# mine\nport 0\nreglstry warren://127.0.0.1\n", at: folder + "/config")
      try await expect(
        64, "config, line 3: there is no option \"reglstry\"; did you mean registry?", "--config",
        folder + "/config", "status")
      try await expect(64, "\"/nowhere\" cannot be read", "--config", "/nowhere", "key")
      registry.program.send(SIGINT)
      let end = try await registry.program.end(on: machine)
      #expect(end == (0, 0))
    }
  }

  @Test("options come from one's own file, the environment and the command line, of which the last counts")
  func settings() async throws {
    try await onRegistry([]) { registry, machine, folder in
      Folder.put("loopback\nregistry warren://127.0.0.1:9\nhttp 1\n", at: folder + "/config")
      let words = ["status", "--json", "--config", folder + "/config"]
      let fromFile = try await run(words, nil, machine, folder)
      #expect(fromFile.code == 69 && fromFile.err.contains("does not answer"), "\(fromFile)")
      let fromLine = try await run(words + ["-r", registry.address], nil, machine, folder)
      #expect(fromLine.code == 0 && fromLine.out.contains(#""udp":true"#), "\(fromLine)")
      let fromHome = try await run(["status", "--loopback"], registry, machine, folder)
      #expect(fromHome.code == 0 && fromHome.out.contains("Nobody else is listed."), "\(fromHome)")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("a key stays the same, and its file is for nobody else")
  func key() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"]) { machines in
        let first = try await run(["key"], nil, machines[0], folder)
        let again = try await run(["key", "--json"], nil, machines[0], folder)
        let key = first.out.dropLast()
        #expect(first.code == 0 && PeerID(String(key)) != nil, "\(first)")
        #expect(again.out.contains(#"{"key":"\#(key)","file":"\#(folder)/.local/share/warren/warren.pem"}"#))
        var info = stat()
        #expect(stat(folder + "/.local/share/warren/warren.pem", &info) == 0 && info.st_mode & 0o777 == 0o600)
      }
    }
  }
}
