import WarrenMachine

/// The lines that somebody types, with a prompt, editing, history and completion; or those of a pipe, where nobody types.
///
/// From its making until ``end()``, or the end of the lines, all that the ``Terminal`` is given to show appears above the line that is
/// being typed, which is drawn anew. Lines end at the end of input (Ctrl-D on an empty line), and when the program is asked to
/// end (Ctrl-C, SIGTERM, SIGHUP): who asks once more ends it at once. A thread of its own reads, and the next line when one is asked
/// for: so who types faster than others listen waits as well. There is one at a time.
package final class LineEditor: AsyncSequence, Sendable {
  package typealias Element = String

  private let desk: EditorDesk
  private let lines: AsyncStream<String>

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - history: where lines are kept beyond the program's end; those that begin with a space are not kept anywhere.
  ///   - completer: says what Tab may make of a word.
  package init(
    on terminal: Terminal, prompt: String = "> ", history: HistoryFile? = nil, completer: Completer? = nil
  ) {
    let (lines, typed) = AsyncStream.makeStream(of: String.self)
    self.lines = lines
    desk = EditorDesk(
      terminal: terminal, prompt: prompt, history: history, completer: completer, typed: typed)
    desk.start()
  }

  deinit { desk.end.say() }

  /// What stands before the line. A change is seen at once.
  package var prompt: String {
    get { desk.prompt }
    set { desk.prompt = newValue }
  }

  /// Ends the lines, and returns when the terminal is as it was before: what is shown afterwards stands on lines of its own.
  package func end() {
    desk.end.say()
    desk.waitForEnd()
  }

  /// Ends the lines of a pipe behind those that are there already, and does not wait for that. Whoever types is not asked.
  package func endWithRest() { desk.rest.say() }

  package func makeAsyncIterator() -> Iterator {
    Iterator(editor: self, lines: lines.makeAsyncIterator())
  }

  package struct Iterator: AsyncIteratorProtocol {
    private let editor: LineEditor
    private var lines: AsyncStream<String>.Iterator

    fileprivate init(editor: LineEditor, lines: AsyncStream<String>.Iterator) {
      self.editor = editor
      self.lines = lines
    }

    package mutating func next() async -> String? { await next(isolation: #isolation) }

    package mutating func next(isolation: isolated (any Actor)?) async -> String? {
      editor.desk.mayGoOn.say()
      return await lines.next(isolation: isolation)
    }
  }
}
