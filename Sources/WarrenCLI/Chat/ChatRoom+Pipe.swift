import Warren
import WarrenTerminal

// Lines that come by a pipe: nobody sees what is answered, and nobody says again what was not heard.
extension ChatRoom {
  /// Takes all lines, each when what the one before it has begun has come about, or has not.
  ///
  /// - Throws: why nobody has heard them.
  func takePipe() async throws {
    var lines = InputLines()
    var next = try await lines.next()
    if next != nil { try await waitToBeKnown() }
    while failure == nil, let line = next {
      if let missing, isSpeech(line) { throw missing.reason }
      guard await take(line) else { break }
      next = try await lines.next()
    }
    if let missing, missing.isFailure { throw missing.reason }
  }

  /// Others are to know who asks them.
  private func waitToBeKnown() async throws {
    let known = known
    do {
      try await peer.machine.withDeadline(RegistryLimits.answerPatience) {
        for await _ in known {}
        try Task.checkCancellation()
      }
    } catch is DeadlineExceeded {
      throw PeerError(.noRegistry, "the registry does not answer")
    }
  }

  /// Whether a line was meant for somebody, as far as one can see where nobody is there.
  private func isSpeech(_ line: String) -> Bool {
    switch ChatOrder(line, isTalking: currentTalk != nil) {
    case .say, .wrong: true
    default: false
    }
  }
}
