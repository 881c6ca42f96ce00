#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the thread does that reads lines. Everything here is used on it alone.
final class EditorThread {
  private let desk: EditorDesk
  private let place: (input: CInt, drawing: CInt)?

  init(desk: EditorDesk, place: (input: CInt, drawing: CInt)?) {
    (self.desk, self.place) = (desk, place)
  }

  func run() {
    TerminalModes.unblockSignals()
    if let place { editLines(place) } else { readPlainLines() }
    desk.finish()
  }

  /// - Returns: whether a line is asked for, and not the end.
  private func isAskedForLine(_ showing: () -> Void) -> Bool {
    while true {
      let news = waitFor([desk.end.output, desk.mayGoOn.output, desk.wake.output])
      if news[0] { return false }
      if news[2] { showing() }
      if news[1] {
        desk.mayGoOn.hearOnce()
        return true
      }
    }
  }

  // MARK: From a pipe

  private func readPlainLines() {
    let source = desk.terminal.lineSource
    var splitter = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while isAskedForLine({ desk.wake.hear() }) {
      while true {
        if let line = splitter.next() {
          desk.hand(out: line)
          break
        }
        let news = waitFor([desk.end.output, source, desk.rest.output])
        if news[0] || !news[1] { return }
        let count = read(source, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        guard count > 0 else {
          if let rest = splitter.takeRest() { desk.hand(out: rest) }
          return
        }
        splitter.take(buffer[..<count])
      }
    }
  }

  // MARK: From somebody who types

  private func editLines(_ place: (input: CInt, drawing: CInt)) {
    guard let session = EditSession(desk: desk, input: place.input, drawing: place.drawing) else {
      TerminalModes.release()
      desk.terminal.detach()
      return readPlainLines()
    }
    defer {
      session.close()
      TerminalModes.release()
      desk.terminal.detach()
    }
    TerminalModes.enter()
    var keeps = desk.history
    do {
      for line in try desk.history?.load() ?? [] { session.remember(line) }
    } catch {
      desk.terminal.talk(StyledText("\(error)", .quiet))
      keeps = nil
    }
    while isAskedForLine(session.showOutsideLine) {
      guard let line = session.readLine() else { return }
      if !line.isEmpty, !line.hasPrefix(" ") {
        session.remember(line)
        do { try keeps?.add(line) } catch {
          desk.terminal.talk(StyledText("\(error)", .quiet))
          keeps = nil
        }
      }
      desk.hand(out: line)
    }
  }
}
