import Warren
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A node of a mesh in a terminal: what is typed is said to all, and what happens is shown.
struct MeshChat {
  private var configuration: Mesh.Configuration
  private let keyFile: String?
  private let isDebugging: Bool
  private let terminal = Terminal()

  init(arguments: ArraySlice<String>) throws {
    guard let name = arguments.first, !name.hasPrefix("--") else {
      throw UsageError.missing("a name for this node")
    }
    let options = try Options(
      arguments.dropFirst(), known: ["--mesh", "--secret", "--port", "--registry", "--connect", "--key"],
      flags: ["--loopback", "--debug"])
    configuration = Mesh.Configuration(mesh: options["--mesh"] ?? "warren", name: name)
    if let secret = options["--secret"] { configuration.admission = .secret(secret) }
    if let port = try options.number("--port") {
      guard let port = UInt16(exactly: port) else { throw UsageError.badValue("\(port)", option: "--port") }
      configuration.peer.port = port
    }
    if let registry = options["--registry"] {
      configuration.peer.registry = try RegistryAddress(registry)
      configuration.bootstraps.append(.registry)
    }
    configuration.bootstraps += try options.all("--connect").map(Self.bootstrap)
    configuration.peer.usesLoopback = options["--loopback"] != nil
    keyFile = options["--key"]
    isDebugging = options["--debug"] != nil
  }

  /// `KEY`, `KEY@ADDRESS` or `ADDRESS`.
  private static func bootstrap(_ text: String) throws -> Mesh.Bootstrap {
    if let at = text.firstIndex(of: "@") {
      return .peer(try PeerID(reading: String(text[..<at])), at: [try SocketAddress(text[at...].dropFirst())])
    }
    if let key = PeerID(text) { return .peer(key) }
    return .address(try SocketAddress(text))
  }

  func run() async throws {
    let machine = LocalMachine(name: "mesh")
    var configuration = configuration
    if let keyFile {
      var random = machine.random
      configuration.peer.key = try PrivateKey(fileOrNew: keyFile, using: &random)
    }
    // Signals are waited for before anybody is told where this one is.
    let lines = LineEditor(on: terminal, prompt: "[\(configuration.name)]> ") { question in
      question.wordsBefore.isEmpty ? ["/peers", "/connect", "/send", "/quit"] : []
    }
    let mesh = try Mesh(configuration, on: machine)
    try await mesh.start()
    // Neither of the two runs on the loop: a terminal that stands still makes others wait, and nobody else.
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await line in lines { if await !take(line, mesh) { break } }
        await mesh.leave()
      }
      var names: [PeerID: String] = [:]
      for await event in mesh.events { show(event, of: mesh, &names) }
    }
    lines.end()
    say("mesh", "left")
    await machine.close()
  }

  // MARK: What is typed

  /// - Returns: whether there is to be another one.
  private func take(_ line: String, _ mesh: Mesh) async -> Bool {
    let words = line.split(separator: " ", maxSplits: 2).map(String.init)
    do {
      switch words.first {
      case nil: break
      case "/quit": return false
      case "/peers": await showMembers(mesh)
      case "/connect" where words.count == 2: await mesh.look(for: try Self.bootstrap(words[1]))
      case "/send" where words.count == 3: try await mesh.send(words[2], to: try await member(words[1], mesh))
      case let word? where word.hasPrefix("/"):
        say("usage", "a line is said to all; or /peers, /connect ADDRESS, /send NAME-or-KEY TEXT, /quit")
      default: try await mesh.broadcast(line)
      }
    } catch {
      say("error", "\(error)")
    }
    return true
  }

  private func member(_ word: String, _ mesh: Mesh) async throws -> PeerID {
    if let id = PeerID(word) { return id }
    let named = await mesh.members.filter { $0.name == word && $0.isThere }
    guard named.count == 1 else {
      throw MeshError(
        .notFound,
        named.isEmpty ? "nobody is called \(word): try /peers" : "several are called \(word): name a key")
    }
    return named[0].id
  }

  private func showMembers(_ mesh: Mesh) async {
    let neighbours = await mesh.neighbours
    for member in await mesh.members {
      let way =
        member.id == mesh.id ? "this one" : neighbours.contains(member.id) ? "neighbour" : "no connection"
      say("peer", "\(member.name) \(member.id) \(member.state), \(way), at \(member.addresses)")
    }
  }

  // MARK: What is shown

  private func show(_ event: MeshEvent, of mesh: Mesh, _ names: inout [PeerID: String]) {
    switch event {
    case .started(let addresses):
      let places = addresses.map { "\($0)" }.joined(separator: " ")
      say("mesh", "started \(configuration.name) \(mesh.id) \(places)")
    case .bootstrapped(let peer, _): say("mesh", "found \(peer)")
    case .bootstrapFailed(let whom, let reason, let pause):
      say("mesh", "did not find \(whom): \(reason.undisturbing); once more after \(pause)")
    case .joined(let member):
      names[member.id] = member.name
      say("member", "\(member.name) joined \(member.id)")
    case .suspected(let member): if isDebugging { say("member", "\(member.name) suspected \(member.id)") }
    case .trusted(let member): if isDebugging { say("member", "\(member.name) trusted \(member.id)") }
    case .left(let member): say("member", "\(member.name) left \(member.id)")
    case .died(let member): say("member", "\(member.name) died \(member.id)")
    case .changed(let member):
      names[member.id] = member.name
      if isDebugging { say("member", "\(member.name) changed \(member.id)") }
    case .connected(let member): if isDebugging { say("link", "\(member.name) connected") }
    case .disconnected(let member, let error):
      if isDebugging { say("link", "\(member.name) disconnected: \(error)") }
    case .connectingFailed(let member, let reason):
      if isDebugging { say("link", "\(member.name) not reached: \(reason.undisturbing)") }
    case .refused(let peer, let error, let byUs):
      say("link", "\(byUs ? "turned away" : "turned away by") \(peer): \(error)")
    case .message(let message):
      let name = names[message.sender] ?? "\(message.sender)"
      let content =
        switch message.content {
        case .text(let text): text
        case .bytes(let bytes): "\(bytes.count) bytes"
        }
      say(message.isDirect ? "alone" : "all", "\(name): \(content)")
    case .missed(let peer, let count): say("lost", "\(count) messages of \(peer)")
    case .fellBehind(let peer, let count): say("lost", "\(count) messages, by \(peer)")
    case .undelivered(let peer, let count): say("lost", "\(count) messages to \(peer)")
    case .duplicate: say("error", "another program has this one's key: one of the two has to go")
    }
  }

  /// One whole line, with the time of day.
  private func say(_ category: String, _ text: String) {
    let column = category + String(repeating: " ", count: max(1, 8 - category.count))
    terminal.result("\(Self.timeOfDay, .quiet)  \(column)\(text)")
  }

  /// Such as `09:05:07.123`, where this computer is.
  private static var timeOfDay: String {
    var (now, day) = (timespec(), tm())
    clock_gettime(CLOCK_REALTIME, &now)
    localtime_r(&now.tv_sec, &day)
    func padded(_ number: some BinaryInteger, _ digits: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return [day.tm_hour, day.tm_min, day.tm_sec].map { padded($0, 2) }.joined(separator: ":") + "."
      + padded(now.tv_nsec / 1_000_000, 3)
  }
}
