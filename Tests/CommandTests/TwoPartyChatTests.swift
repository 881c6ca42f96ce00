import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat without a registry", .needsWarren)
struct TwoPartyChatTests {
  private static let netcatObstacle: Comment? =
    system("command -v nc >/dev/null && nc -h 2>&1 | grep -q OpenBSD") == 0
    ? nil : "there is no netcat, or another one: apt-get install netcat-openbsd"
  private static let python = Folder.repository + "/.build/interop/bin/python"
  private static let nice = Folder.repository + "/.build/interop-libnice/nice_agent"
  private static let niceObstacle: Comment? =
    access(nice, X_OK) == 0
    ? nil : "the program that uses libnice is not built: apt-get install libnice-dev, then Scripts/interop.sh"
  private static let aioiceObstacle: Comment? =
    access(python, X_OK) == 0 ? nil : "aioice is not there: Scripts/interop.sh"

  /// Lends `body` a machine to wait on and a folder.
  private func alone(_ body: @escaping @Sendable (any Machine, String) async throws -> Void) async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
        try await body(machines[0], folder)
      }
    }
  }

  /// One who waits at a port of the system's choice.
  private func waiting(
    _ words: [String], _ machine: any Machine, in folder: String
  ) async throws -> (chatter: Chatter, port: String) {
    let chatter = try Chatter("server", ["--serve", "-p", "0"] + words, machine, in: folder)
    try await chatter.isTold("for somebody to talk …\n")
    return (chatter, String(chatter.program.err.split(separator: " ")[3]))
  }

  // MARK: Over plain TCP

  @Test(
    "netcat calls, both say something, and netcat goes",
    .enabled(if: netcatObstacle == nil, netcatObstacle))
  func netcatCalls() async throws {
    try await alone { machine, folder in
      let (chatter, port) = try await waiting(["--no-ice"], machine, in: folder)
      chatter.types("said before anybody came")
      let netcat = "sh -c 'cat pipe | nc -N 127.0.0.1 \(port) >heard; echo over >end'"
      #expect(system("cd \(folder) && mkfifo pipe && { \(netcat) & }") == 0)
      let pipe = open(folder + "/pipe", O_WRONLY)
      func say(_ text: String) { #expect(write(pipe, text, text.utf8.count) == text.utf8.count) }
      say("from netcat\r\nwith \u{1B}[2J a \u{7F}bell\u{7}\n/exit\nno end of a line")
      try await chatter.hears("from netcat\nwith \u{FFFD}[2J a \u{FFFD}bell\u{FFFD}\n/exit\n")
      chatter.types("/exit is said, since nobody types it")
      try await machine.wait("netcat to hear") {
        Folder.text(of: folder + "/heard")
          == "said before anybody came\n/exit is said, since nobody types it\n"
      }
      close(pipe)
      let end = try await chatter.program.end(on: machine)
      #expect(end == (0, 0))
      #expect(chatter.program.out.hasSuffix("/exit\nno end of a line\n"))
      #expect(chatter.program.err.hasSuffix("The other side has ended the conversation.\n"))
    }
  }

  @Test(
    "netcat is called, and hears all that was said before the pipe ended",
    .enabled(if: netcatObstacle == nil, netcatObstacle))
  func netcatIsCalled() async throws {
    try await alone { machine, folder in
      let listener = try machine.listenTCP(on: .loopback(.v4))
      let port = listener.localAddress.port
      listener.close()
      let netcat = "sh -c '(echo hello; sleep 1) | nc -N -l 127.0.0.1 \(port) >heard; echo over >end'"
      #expect(
        system("cd \(folder) && { \(netcat) & } && until ss -ltn | grep -q :\(port); do sleep 0.02; done")
          == 0)
      let chatter = try Chatter("client", ["-c", "127.0.0.1:\(port)", "--no-ice"], machine, in: folder)
      try await chatter.hears("hello\n")
      for number in 0..<2000 { chatter.types("line \(number)") }
      chatter.program.endInput()
      #expect(try await chatter.program.end(on: machine) == (0, 0))
      #expect(try await Folder.line(of: folder + "/end", on: machine) == "over\n")
      #expect(Folder.text(of: folder + "/heard") == (0..<2000).map { "line \($0)\n" }.joined())
    }
  }

  @Test("a line without an end comes in pieces, and fills no memory")
  func endless() async throws {
    try await alone { machine, folder in
      let (chatter, port) = try await waiting(["--no-ice"], machine, in: folder)
      nonisolated(unsafe) let connection = try await machine.connectTCP(
        to: SocketAddress("127.0.0.1:\(port)"))
      let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
      for _ in 0..<16 { try await connection.write(piece) }
      try await machine.wait("all of it") { chatter.program.out.utf8.count >= 15 * 65_537 }
      #expect(chatter.program.out.split(separator: "\n").allSatisfy { $0.utf8.count == 65_536 })
      connection.reset()
      #expect(try await chatter.program.end(on: machine) == (69, 0))
      #expect(chatter.program.err.contains("warren: the connection with 127.0.0.1:"))
    }
  }

  // MARK: By ICE

  @Test("two who find each other over TCP talk over UDP, and let go of TCP")
  func iceOverTCP() async throws {
    try await alone { machine, folder in
      let (server, port) = try await waiting(["--loopback"], machine, in: folder)
      let client = try Chatter(
        "client", ["--connect", "127.0.0.1:\(port)", "--loopback"], machine, in: folder)
      client.types("how are you?")
      try await server.isTold("You talk over UDP ")
      try await client.isTold("You talk over UDP ")
      try await server.hears("how are you?\n")
      for number in 0..<500 { server.types("line \(number)") }
      #expect(system("ss -tn | grep -q ESTAB.*:\(port)") != 0)
      server.program.endInput()
      #expect(try await server.program.end(on: machine) == (0, 0))
      #expect(try await client.program.end(on: machine) == (0, 0))
      #expect(client.program.out == (0..<500).map { "line \($0)\n" }.joined())
      #expect(client.program.err.hasSuffix("The other side has ended the conversation.\n"))
    }
  }

  @Test("two who may use a relay alone talk over that")
  func relayed() async throws {
    try await onRegistry(["--users", "users"]) { registry, machine, folder in
      let relay = String(registry.address.split(separator: "/")[1])
      let words = [
        "--manual", "--loopback", "--paths", "relayed", "--relay", "turn:" + relay, "--relay-user", "alice",
        "--relay-password", "secret",
      ]
      let one = try Chatter("one", words, machine, in: folder)
      let other = try Chatter("other", words, machine, in: folder)
      for chatter in [one, other] { try await chatter.hears("a=end-of-candidates\n") }
      #expect(
        one.program.out.split(separator: "\n").filter { $0.contains("typ ") }.allSatisfy {
          $0.contains("typ relay")
        })
      let (first, second) = (one.program.out, other.program.out)
      other.types(first)
      one.types(second)
      try await one.isTold("You talk over relay ")
      one.types("over a relay")
      try await other.hears("over a relay\n")
      one.program.endInput()
      #expect(try await one.program.end(on: machine) == (0, 0))
      #expect(try await other.program.end(on: machine) == (0, 0))
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test(
    "a program with another ICE, aioice, is met by hand, in datagrams",
    .enabled(if: aioiceObstacle == nil, aioiceObstacle), arguments: ["controlling", "controlled"])
  func aioice(role: String) async throws {
    try await alone { machine, folder in
      guard
        try machine.interfaces().contains(where: {
          !$0.isLoopback && $0.addresses.contains { $0.ip.family == .v4 }
        })
      else { return }
      let agent = Folder.repository + "/Tests/TraversalTests/Interop/aioice_agent.py"
      #expect(
        system("\(Self.python) \(agent) \(role) \(folder) >\(folder)/log 2>&1 & echo $! >\(folder)/pid") == 0)
      let chatter = try Chatter("one", ["--manual"], machine, in: folder)
      try await chatter.hears("a=end-of-candidates\n")
      Folder.put(chatter.program.out, at: folder + "/warren.part")
      #expect(rename(folder + "/warren.part", folder + "/warren.sdp") == 0)
      chatter.types(try await Folder.line(of: folder + "/aioice.sdp", on: machine))
      try await chatter.isTold("The other side is another program: nothing is encrypted")
      try await chatter.isTold("You talk over UDP ")
      chatter.types("abc")
      try await chatter.hears("cba\n")
      chatter.program.endInput()
      #expect(try await chatter.program.end(on: machine) == (0, 0))
      _ = system("kill $(cat \(folder)/pid)")
    }
  }

  @Test(
    "libnice, whose agent other programs have, is met by hand too",
    .enabled(if: niceObstacle == nil, niceObstacle), arguments: ["controlling", "controlled"])
  func libnice(role: String) async throws {
    try await alone { machine, folder in
      let chatter = try Chatter("one", ["--manual", "--loopback"], machine, in: folder)
      try await chatter.hears("a=end-of-candidates\n")
      Folder.put(chatter.program.out, at: folder + "/warren.sdp")
      let agent = "\(Self.nice) -e \(role) <warren.sdp >said 2>errors; echo $? >end"
      #expect(system("cd \(folder) && { sh -c 'echo $$ >pid; \(agent)' & }") == 0)
      try await machine.wait("libnice's description") {
        Folder.text(of: folder + "/said")?.contains("a=end-of-candidates\n") ?? false
      }
      chatter.types(String(Folder.text(of: folder + "/said")!.dropLast()))
      try await chatter.isTold("The other side is another program: nothing is encrypted")
      try await chatter.isTold("You talk over UDP 127.0.0.1:")
      for line in ["abc", "second line"] {
        chatter.types(line)
        try await chatter.hears("\(String(line.reversed()))\n")
      }
      chatter.program.endInput()
      #expect(try await chatter.program.end(on: machine) == (0, 0), "\(chatter.program.err)")
      // It has heard that this was all.
      #expect(try await Folder.line(of: folder + "/end", on: machine) == "0\n")
      #expect(Folder.text(of: folder + "/said")!.hasSuffix("answered 0 altered 0 asked 2 by host host\n"))
    }
  }

  // MARK: What goes wrong

  @Test("what goes wrong is one line that says what to do, and a number for scripts")
  func wrong() async throws {
    try await alone { machine, folder in
      func expect(
        _ code: CInt, _ text: String, _ words: String..., at place: SourceLocation = #_sourceLocation
      ) async throws {
        let result = try await run(["chat"] + words, nil, machine, folder)
        #expect(result.code == code && result.err.contains(text), "\(result)", sourceLocation: place)
        #expect(result.err.count { $0 == "\n" } == 1 && result.out == "", "\(result)", sourceLocation: place)
      }
      try await expect(64, "no registry is named: give --registry", "alice")
      try await expect(64, "--serve and --connect exclude each other", "--serve", "-c", "localhost")
      try await expect(64, "--manual and NAME exclude each other", "--manual", "alice")
      try await expect(64, "--ice goes only with --serve or --connect", "--no-ice")
      try await expect(64, "a host by name or address", "-c", "chat.example.org:0")
      try await expect(69, "refused the connection: nothing listens there", "-c", "127.0.0.1:9", "--no-ice")
      let listener = try machine.listenTCP(on: .any(.v4))
      try await expect(
        71, "is in use by another socket", "-s", "-p", "\(listener.localAddress.port)", "--no-ice")
      listener.close()
      // One looks for a way by ICE, and the other does not.
      let (server, port) = try await waiting(["--no-ice"], machine, in: folder)
      let client = try Chatter("client", ["-c", "127.0.0.1:\(port)"], machine, in: folder)
      try await server.hears("a=end-of-candidates\n")
      server.program.endInput()
      try await server.program.end(on: machine)
      #expect(try await client.program.end(on: machine) == (69, 0))
      #expect(
        client.program.err
          == "warren: the other side has not said where it is: does it have --no-ice?\n")
    }
  }
}
