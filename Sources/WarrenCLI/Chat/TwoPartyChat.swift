import Warren
import WarrenOptions
import WarrenTerminal

/// A chat of two without a registry: over plain TCP, or over what ICE finds between two who tell each other where they are, over TCP or
/// by what a person carries from one to the other.
struct TwoPartyChat: Sendable {
  /// How the two find each other.
  enum Meeting: Sendable {
    /// This one waits to be called.
    case serve
    case connect(HostPlace)
    /// A person carries the descriptions.
    case manual
  }

  let meeting: Meeting
  let usesICE: Bool
  let port: UInt16?
  let means: ICEMeeting.Means
  let terminal = Terminal()

  func run() async throws {
    try await LocalMachine.with("chat") { machine in
      switch meeting {
      case .manual: try await meetByHand(on: machine)
      case .serve, .connect: try await meetOverTCP(on: machine)
      }
    }
  }

  // MARK: Over TCP

  private func meetOverTCP(on machine: LocalMachine) async throws {
    let chat = PairChat(on: terminal)
    let ice = usesICE ? ICEMeeting(means, on: machine) : nil
    try await chat.run {
      let lines = try await call(on: machine)
      guard let ice else { return lines }
      do {
        let found = try await machine.withDeadline(ChatLimits.exchange) {
          try await exchange(over: lines, ice)
        }
        return try await ice.meet(found)
      } catch is DeadlineExceeded {
        throw ChatError.noDescription
      }
    }
    await ice?.close()
  }

  private func call(on machine: LocalMachine) async throws -> TCPLines {
    guard case .connect(let place) = meeting else {
      let door = TCPDoor(on: machine)
      let port = try await door.open(port: port ?? ChatLimits.tcpPort)
      terminal.talk("Waiting at port \(port, .strong) for somebody to talk …")
      return try await door.first()
    }
    let addresses = try await place.addresses(on: machine, port: port ?? ChatLimits.tcpPort)
    return try await TCPLines.connect(to: addresses, on: machine)
  }

  /// Each tells the other where it is; then the connection has done what it was for.
  private func exchange(over lines: TCPLines, _ ice: ICEMeeting) async throws -> SDPPaste.Found {
    let own = try await ice.describe { note($0) }
    try await lines.say((SDPPaste.text(own, key: ice.key.peerID) + [""]).joined(separator: "\n"))
    var paste = SDPPaste(usesLoopback: means.usesLoopback)
    while let heard = try await lines.nextLines() {
      for line in heard {
        guard let found = try paste.take(line) else { continue }
        await lines.end(within: ChatLimits.farewell)
        return found
      }
    }
    throw ChatError.noDescription
  }

  // MARK: By hand

  private func meetByHand(on machine: LocalMachine) async throws {
    let lines = LineEditor(on: terminal, prompt: "")
    defer { lines.end() }
    let ice = ICEMeeting(means, on: machine)
    let own = try await ice.describe { note($0) }
    terminal.talk("Give this to the other side, all of it:")
    for line in SDPPaste.text(own, key: ice.key.peerID) { terminal.result("\(line)") }
    terminal.talk("Paste what the other side gives you here, and end it with an empty line:")
    guard let found = await pasted(lines) else {
      await ice.close()
      if terminal.isInputTerminal { return }
      throw ChatError.nothingPasted
    }
    for refused in found.refused { terminal.talk("\(refused)") }
    terminal.talk("Looking for a way …")
    if found.key == nil {
      terminal.talk("The other side is another program: nothing is encrypted, and lines may get lost.")
    }
    try await PairChat(lines, on: terminal).run { try await ice.meet(found) }
    await ice.close()
  }

  /// What the other side says of itself; nil where there are no more lines.
  private func pasted(_ lines: LineEditor) async -> SDPPaste.Found? {
    var paste = SDPPaste(usesLoopback: means.usesLoopback)
    for await line in lines {
      do {
        if let found = try paste.take(line) { return found }
      } catch {
        terminal.talk("\(error)")
        terminal.talk("Paste it once more:")
      }
    }
    // From a pipe nothing comes behind the last line.
    return terminal.isInputTerminal ? nil : try? paste.takeEnd()
  }

  private func note(_ error: any Error) { terminal.talk("Going on without a relay: \(error)") }
}
