import Warren
import WarrenOptions
import WarrenTerminal

/// A node in a terminal of a mesh that speaks the original's text protocol: see ``PlainMesh``.
struct PlainMeshChat {
  private var configuration = PlainMesh.Configuration()
  private let isDebugging: Bool
  private let happening = Happening()

  init(_ words: ParsedWords) throws {
    configuration.name = words[MeshCommand.name]
    if words.has(MeshCommand.port) { configuration.address = .any(.v4, port: words[MeshCommand.port]) }
    configuration.bootstraps = try words[MeshCommand.connect].map { bootstrap in
      guard case .address(let address) = bootstrap else {
        throw OptionsError(.badValue, "with --plaintext nobody has a key: give --connect an address")
      }
      return address
    }
    isDebugging = words[MeshCommand.debug]
    configuration.tellsOfPings = isDebugging
  }

  func run() async throws {
    let machine = LocalMachine(name: "mesh")
    let mesh = try PlainMesh(configuration, on: machine)
    let lines = LineEditor(on: happening.terminal, prompt: "[\(mesh.name)]> ") { question in
      question.wordsBefore.isEmpty ? ["/peers", "/connect", "/discover", "/quit"] : []
    }
    defer { lines.end() }
    try await mesh.start()
    say("mesh", "everybody on the way can read and change what is said here: it is for trusted networks")
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await line in lines { if await !take(line, mesh) { break } }
        await mesh.leave()
      }
      for await event in mesh.events { show(event, of: mesh) }
    }
    lines.end()
    say("mesh", "left")
    await machine.close()
  }

  // MARK: What is typed

  /// - Returns: whether there is to be another one.
  private func take(_ line: String, _ mesh: PlainMesh) async -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    do {
      switch words.first {
      case nil: break
      case "/quit": return false
      case "/peers":
        for peer in await mesh.peers { say("peer", "\(peer.name) \(peer.id) at \(peer.address)") }
      case "/connect" where words.count == 2: try await mesh.connect(to: SocketAddress(words[1]))
      case "/discover": try await mesh.discover()
      case let word? where word.hasPrefix("/"):
        say("usage", "a line is said to all; or /peers, /connect ADDRESS, /discover, /quit")
      default: try await mesh.broadcast(line)
      }
    } catch {
      say("error", "\(error)")
    }
    return true
  }

  // MARK: What is shown

  private func show(_ event: PlainEvent, of mesh: PlainMesh) {
    switch event {
    case .started(let address): say("mesh", "started \(mesh.name) \(mesh.id) \(address)")
    case .error(let error, let peer): say("error", "\(peer.map { "\($0.name): " } ?? "")\(error)")
    case .bootstrapped(let peer): say("mesh", "found \(peer.name)")
    case .bootstrapFailed(let address, let tries, let reason):
      say("mesh", "did not find \(address) in \(tries) tries: \(reason)")
    case .connected(let peer, _): say("member", "\(peer.name) joined \(peer.address)")
    case .disconnected(let peer, let reason): say("member", "\(peer.name) left: \(reason)")
    case .staleRemoved(let peer): say("member", "\(peer.name) died")
    case .connectingFailed(let address, let reason): say("link", "\(address) not reached: \(reason)")
    case .refused(let address, let reason): say("link", "turned away \(address): \(reason)")
    case .text(let text, let peer): say("all", "\(peer.name): \(text)")
    case .bytes(let bytes, let peer): say("all", "\(peer.name): \(bytes.count) bytes")
    case .discovered(let addresses, let peer): debug("\(peer.name) knows of \(addresses)")
    case .pinged(let peer): debug("\(peer.name) pinged")
    case .ponged(let peer): debug("\(peer.name) ponged")
    case .askedForPeers(let peer): debug("\(peer.name) asked for peers")
    case .toldOfPeers(let addresses, let peer): debug("\(peer.name) named \(addresses)")
    }
  }

  private func debug(_ text: String) { if isDebugging { say("debug", text) } }

  private func say(_ category: String, _ text: String) { happening.say(category, text) }
}
