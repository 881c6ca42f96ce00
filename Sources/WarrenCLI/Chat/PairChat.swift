import Warren
import WarrenTerminal

/// A conversation of two in a terminal: what is typed is said.
actor PairChat {
  private let terminal: Terminal
  private var lines: LineEditor?
  private var carrier: (any LineCarrier)?
  private var isEnding = false
  private var failure: (any Error)?

  /// - Parameter lines: what is typed, where it is read already.
  init(_ lines: LineEditor? = nil, on terminal: Terminal) {
    self.terminal = terminal
    // What comes by a pipe is read when somebody is there: until then signals do what they always do.
    self.lines = lines ?? (terminal.isInputTerminal ? LineEditor(on: terminal) : nil)
  }

  /// Goes on until one of the two has said its last.
  ///
  /// - Parameter open: waits for the other side.
  func run(_ open: @escaping @Sendable () async throws -> any LineCarrier) async throws {
    await withDiscardingTaskGroup { group in
      let opening = AsyncStream.makeStream(of: Void.self)
      group.addTask {
        do { try await self.hear(try await open(), opening.continuation) } catch {
          await self.take(error)
          await self.lines?.end()
        }
        opening.continuation.finish()
      }
      await takeLines(opening.stream)
      // Who pipes something in wants all of it heard.
      await carrier?.end(within: terminal.isInputTerminal ? ChatLimits.farewell : nil)
      group.cancelAll()
    }
    lines?.end()
    if let failure { throw failure }
  }

  private func take(_ error: any Error) {
    if !isEnding || (!terminal.isInputTerminal && isUnheard(error)) { failure = failure ?? error }
  }

  private func hear(_ carrier: any LineCarrier, _ opened: AsyncStream<Void>.Continuation) async throws {
    self.carrier = carrier
    opened.finish()
    async let _ = showWays(await carrier.wayUpdates)
    try await carrier.hear { text in await self.show(text) }
    if isEnding { return await carrier.bothHaveEnded() }
    isEnding = true
    terminal.talk("The other side has ended the conversation.")
    // What is in the pipe already is for the other side, who still listens.
    guard terminal.isInputTerminal else {
      lines?.endWithRest()
      return
    }
    await carrier.end(within: ChatLimits.farewell)
    lines?.end()
  }

  private func showWays(_ updates: AsyncStream<String>) async {
    for await way in updates {
      terminal.talk("You talk over \(way).")
      lines?.prompt = "[\(way)]> "
    }
  }

  private func show(_ text: String) { terminal.result("\(text)") }

  /// - Parameter opening: ends when there is somebody to talk to, or nobody comes.
  private func takeLines(_ opening: AsyncStream<Void>) async {
    let isTyped = terminal.isInputTerminal
    // What comes by a pipe waits for the other side.
    if !isTyped { for await _ in opening {} }
    if failure != nil { return }
    let lines = lines ?? LineEditor(on: terminal)
    self.lines = lines
    if isEnding { lines.endWithRest() }
    for await line in lines {
      if isTyped, line == "/exit" { break }
      guard let carrier else {
        terminal.talk("Nobody is there yet.")
        continue
      }
      if isTyped, line == "/path" {
        for way in await carrier.ways { terminal.result("\(way)") }
        continue
      }
      do { try await carrier.say(line) } catch {
        // What is too long is no reason to end.
        guard isTyped || error is ChatError else {
          failure = failure ?? (isEnding ? ChatError.endedBefore : error)
          break
        }
        terminal.talk("\(endText(error))")
      }
    }
    isEnding = true
  }
}
