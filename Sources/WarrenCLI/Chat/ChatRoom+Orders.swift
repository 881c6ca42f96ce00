import Warren
import WarrenTerminal

/// What somebody types.
extension ChatRoom {
  /// - Returns: whether there is to be another line.
  func take(_ line: String) async -> Bool {
    do {
      switch ChatOrder(line, isTalking: currentTalk != nil) {
      case .nothing: break
      case .all: try await showAll()
      case .connect(let name): try await connect(to: name)
      case .allow(let name): await allow(name)
      case .deny(let name): await deny(name)
      case .talk(let name):
        if let talk = talk(with: name) {
          choose(talk)
        } else {
          note("There is no conversation with \(name, .strong).")
        }
      case .rename(let name): try await rename(to: name)
      case .say(let text): try await say(text)
      case .tcp: prefer(.tcp)
      case .udp: prefer(.direct)
      case .path: await showPaths()
      case .close: await close()
      case .help: showHelp()
      case .exit: return false
      case .wrong(let reason): note("\(reason)")
      }
    } catch {
      note("\(endText(error))")
    }
    return true
  }

  private func showAll() async throws {
    let listed = try await others()
    if listed.isEmpty { return show("Nobody else is there.") }
    for other in listed {
      let talk = talks.first { $0.connection.peer == other.id }
      show(
        "\(other.name?.text ?? "\(other.id)", .strong)\(talk?.path.map { "  in conversation, \(Self.way($0))" } ?? "")"
      )
    }
  }

  private func showPaths() async {
    guard let talk = currentTalk else { return note("There is no conversation.") }
    for path in await talk.connection.paths {
      let time =
        path.roundTrip.map { ", \($0.milliseconds) ms there and back" } ?? ""
      let state = path.isUsed ? ", in use" : path.state == .alive ? "" : ", \(path.state)"
      show("\(Self.way(path))\(time)\(state)")
    }
  }

  private func prefer(_ kind: Path.Kind) {
    guard let talk = currentTalk else { return note("There is no conversation.") }
    begin {
      do { try await talk.connection.prefer(kind) } catch { await self.note("\(error)") }
    }
  }

  private func close() async {
    guard let talk = currentTalk else { return note("There is no conversation.") }
    await undertake {
      await self.end(talk)
      await self.note("The conversation with \(talk.label, .strong) is over.")
    }
  }

  private func showHelp() {
    for command in ChatOrder.commands {
      let words = command.word + (command.argument.map { " \($0)" } ?? "")
      show("\(words + String(repeating: " ", count: max(1, 14 - words.count)), .strong)\(command.effect)")
    }
    show("In a conversation a line is said, and commands begin with a slash.")
  }
}
