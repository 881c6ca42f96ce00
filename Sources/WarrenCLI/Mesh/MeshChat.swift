import Warren
import WarrenOptions
import WarrenTerminal

/// A node of a mesh in a terminal: what is typed is said to all, and what happens is shown.
struct MeshChat {
  private var configuration: Mesh.Configuration
  private let keyFile: String?
  private let isDebugging: Bool
  private let happening = Happening()

  init(_ words: ParsedWords) {
    configuration = Mesh.Configuration(mesh: words[MeshCommand.mesh], name: words[MeshCommand.name])
    if let secret = words[MeshCommand.secret] { configuration.admission = .secret(secret) }
    configuration.peer.port = words[MeshCommand.port]
    if let registry = words[MeshCommand.registry] {
      configuration.peer.registry = registry
      configuration.bootstraps.append(.registry)
    }
    configuration.bootstraps += words[MeshCommand.connect]
    configuration.peer.usesLoopback = words[MeshCommand.loopback]
    configuration.folder = words[MeshCommand.downloads]
    configuration.files.policy = .everything
    keyFile = words[MeshCommand.key]
    isDebugging = words[MeshCommand.debug]
  }

  /// `KEY`, `KEY@ADDRESS` or `ADDRESS`.
  static func bootstrap(_ text: String) throws -> Mesh.Bootstrap {
    switch try Whom(place: text) {
    case .key(let key, let addresses): .peer(key, at: addresses)
    case .address(let address): .address(address)
    case .name, nil: .address(try SocketAddress(text))
    }
  }

  func run() async throws {
    let machine = LocalMachine(name: "mesh")
    var configuration = configuration
    if let keyFile {
      configuration.peer.key = try PrivateKey(fileOrNew: keyFile, on: machine)
    }
    // Signals are waited for before anybody is told where this one is.
    let lines = LineEditor(on: happening.terminal, prompt: "[\(configuration.name)]> ") { question in
      question.wordsBefore.isEmpty ? ["/peers", "/connect", "/tell", "/send", "/quit"] : []
    }
    defer { lines.end() }
    let mesh = try Mesh(configuration, on: machine)
    try await mesh.start()
    // None of these runs on the loop: a terminal that stands still makes others wait, and nobody else.
    let begun = AsyncStream.makeStream(of: FileTransfer.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await line in lines { if await !take(line, mesh, begun.continuation) { break } }
        await mesh.leave()
        begun.continuation.finish()
      }
      group.addTask { for await transfer in begun.stream { await show(transfer) } }
      group.addTask { for await transfer in mesh.files.arrivals { await show(transfer) } }
      var names: [PeerID: String] = [:]
      for await event in mesh.events { show(event, of: mesh, &names) }
    }
    lines.end()
    say("mesh", "left")
    await machine.close()
  }

  // MARK: What is typed

  /// - Returns: whether there is to be another one.
  private func take(
    _ line: String, _ mesh: Mesh, _ begun: AsyncStream<FileTransfer>.Continuation
  ) async -> Bool {
    let words = line.split(separator: " ", maxSplits: 2).map(String.init)
    do {
      switch words.first {
      case nil: break
      case "/quit": return false
      case "/peers": await showMembers(mesh)
      case "/connect" where words.count == 2: await mesh.look(for: try Self.bootstrap(words[1]))
      case "/tell" where words.count == 3: try await mesh.send(words[2], to: try await member(words[1], mesh))
      case "/send" where words.count == 3:
        begun.yield(try await mesh.send(file: words[2], to: try await member(words[1], mesh)))
      case let word? where word.hasPrefix("/"):
        say(
          "usage",
          "a line is said to all; or /peers, /connect ADDRESS, /tell NAME-or-KEY TEXT, "
            + "/send NAME-or-KEY FILE, /quit")
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

  /// Shows a file's way at each quarter, and its end.
  private func show(_ transfer: FileTransfer) async {
    let verb = transfer.direction == .sending ? "sending" : "receiving"
    say("file", "\(verb) \(transfer.name), \(transfer.totalBytes) bytes")
    var quarter = 0
    for await progress in transfer.progress where Int(progress.fraction * 4) > quarter {
      quarter = Int(progress.fraction * 4)
      say("file", "\(verb) \(transfer.name): \(quarter * 25) %, \(Int(progress.bytesPerSecond / 1000)) kB/s")
    }
    do {
      say("file", "\(transfer.name) is there: \(try await transfer.finished())")
    } catch {
      say("error", "\(transfer.name): \(error)")
    }
  }

  private func say(_ category: String, _ text: String) { happening.say(category, text) }

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
}
