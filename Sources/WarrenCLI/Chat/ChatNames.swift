import Warren
import WarrenTerminal

/// Who is known to a chat: what Tab completes where lines are edited.
final class ChatNames: Sendable {
  struct State {
    /// Those whom the registry has listed last.
    var listed: [PeerID: String] = [:]
    var asking: [String] = []
    var talking: [String] = []
    var isTalking = false
  }

  private let state = Guarded(State())

  func update(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

  func name(of peer: PeerID) -> String? { state.withLock { $0.listed[peer] } }

  func complete(_ question: CompletionQuestion) -> [String] {
    state.withLock { state in
      guard let first = question.wordsBefore.first else {
        let bare = ChatOrder.commands.map(\.word)
        // In a conversation only what begins with a slash is a command.
        return state.isTalking || question.word.hasPrefix("/") ? bare.map { "/" + $0 } : bare
      }
      guard question.wordsBefore.count == 1, first.hasPrefix("/") || !state.isTalking else { return [] }
      return switch first.hasPrefix("/") ? String(first.dropFirst()) : first {
      case "connect": Array(state.listed.values)
      case "allow", "deny": state.asking
      case "talk": state.talking
      default: []
      }
    }
  }
}
