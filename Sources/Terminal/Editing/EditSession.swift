import CEditLine
import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// libedit, which edits lines and draws them, and what is shown above them meanwhile.
///
/// It asks for each character (`EL_GETCFN`), and there one waits for whatever may happen. What it has drawn is then as it says, and
/// nothing half done: so the line can be wiped away there, and drawn anew. Used on the thread alone that reads lines.
final class EditSession {
  private let desk: EditorDesk
  private let input: CInt
  private let drawing: CInt
  private let editor: OpaquePointer
  private let history: OpaquePointer?
  private var bytes = TypedBytes()
  private var characters: ArraySlice<Unicode.Scalar> = []
  /// What libedit was given as the prompt, and has drawn.
  private var drawnPrompt = ""
  private var promptMemory: UnsafeMutablePointer<wchar_t>?
  private var hasEnded = false

  init?(desk: EditorDesk, input: CInt, drawing: CInt) {
    (self.desk, self.input, self.drawing) = (desk, input, drawing)
    ce_use_utf8()
    guard let editor = ce_open("warren", input, drawing) else { return nil }
    self.editor = editor
    history = ce_history(editor, CInt(TerminalLimits.historyLines))
    ce_set_owner(editor, Unmanaged.passUnretained(self).toOpaque())
    ce_use_keys(editor, "emacs")
    addKeys()
    // What the user wants instead, of this or of any program with libedit: `~/.editrc`.
    el_source(editor, nil)
    ce_bind(editor, "^I", "warren-complete")
    ce_set_editing(editor)
    // What is typed between two lines is not shown by the system, and shown by libedit later.
    for mode in ["-icanon", "-echo", "-iexten"] { ce_leave_off(editor, mode) }
    // Where it inserts or deletes in front of a letter of two columns, it loses the cursor (seen in 3.1-20221030): so it writes the rest
    // of the row anew.
    for ability in ["ic", "IC", "im", "ei", "dc", "DC"] { ce_do_without(editor, ability) }
    ce_set_prompt(editor, promptOfSession)
    ce_set_reader(editor, readCharacter)
  }

  func close() {
    ce_close(editor)
    if let history { history_wend(history) }
    promptMemory?.deallocate()
  }

  private func addKeys() {
    withWideCharacters("warren-complete") { ce_add_command(editor, $0, completeWord) }
    let keys = [
      ("^I", "warren-complete"), ("^R", "em-inc-search-prev"), ("^W", "ed-delete-prev-word"),
      // As terminals send Delete, Home, End, and the arrows with Ctrl.
      ("\\e[3~", "ed-delete-next-char"), ("\\e[1~", "ed-move-to-beg"), ("\\e[4~", "ed-move-to-end"),
      ("\\e[H", "ed-move-to-beg"), ("\\e[F", "ed-move-to-end"),
      ("\\e[1;5C", "em-next-word"), ("\\e[1;5D", "ed-prev-word"),
    ]
    for (key, command) in keys { ce_bind(editor, key, command) }
  }

  func remember(_ line: String) {
    guard let history else { return }
    withWideCharacters(line) { ce_remember(history, $0) }
  }

  // MARK: Reading

  /// The next line; nil where there are to be no more.
  func readLine() -> String? {
    TerminalModes.isDrawn(true)
    // It takes the cursor to be at the edge, where others may have left it elsewhere.
    draw("\r")
    var count: CInt = 0
    let line = el_wgets(editor, &count)
    guard let line, count > 0, !hasEnded else {
      leaveLine()
      return nil
    }
    TerminalModes.isDrawn(false)
    let text = (0..<Int(count)).compactMap { Unicode.Scalar(UInt32(bitPattern: line[$0])) }
    return String(String.UnicodeScalarView(text.last == "\n" ? text.dropLast() : text))
  }

  /// The next character for libedit.
  ///
  /// - Returns: as it wants to hear: 1 for a character, 0 for the end.
  fileprivate func takeCharacter(into place: UnsafeMutablePointer<wchar_t>) -> CInt {
    while true {
      if let next = characters.popFirst() {
        place.pointee = wchar_t(bitPattern: next.value)
        return 1
      }
      let news = waitFor([desk.end.output, desk.wake.output, input])
      if news[0] { break }
      if news[1] { showAboveLine() }
      guard news[2] else { continue }
      // One at a time: what is typed behind the last line is for the next program.
      var byte: UInt8 = 0
      let count = read(input, &byte, 1)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { break }
      characters += bytes.take(byte)
    }
    hasEnded = true
    return 0
  }

  // MARK: Drawing

  /// Shows what waits where no line is being typed.
  func showOutsideLine() {
    desk.wake.hear()
    if TerminalModes.takeHasComeBack() { TerminalModes.enter() }
    for line in desk.terminal.takeWaiting() { desk.terminal.write(line.text, on: line.stream) }
  }

  private func showAboveLine() {
    desk.wake.hear()
    if TerminalModes.takeHasComeBack() {
      TerminalModes.enter()
      // The cursor is where the shell has left it.
      draw("\r\u{1B}[J")
    } else {
      draw(wiping)
    }
    for line in desk.terminal.takeWaiting() { desk.terminal.write(line.text, on: line.stream) }
    el_resize(editor)
    ce_refresh(editor)
  }

  /// Moves the cursor below a line that is given up.
  private func leaveLine() {
    TerminalModes.isDrawn(false)
    draw("\r\n")
  }

  /// What takes the line away, and puts the cursor where it began.
  private var wiping: String {
    let size = desk.terminal.size
    let row = min(cursor(width: size.columns).row, size.rows - 1)
    return "\r" + (row > 0 ? "\u{1B}[\(row)A" : "") + "\u{1B}[J"
  }

  private func cursor(width: Int) -> CursorPlace {
    let (before, behind) = typedText
    return CursorPlace(after: Array(drawnPrompt.unicodeScalars) + before, before: behind.first, width: width)
  }

  /// What has been typed before and behind the cursor.
  private var typedText: (before: [Unicode.Scalar], behind: [Unicode.Scalar]) {
    let line = el_wline(editor)!.pointee
    func scalars(_ start: UnsafePointer<wchar_t>, _ end: UnsafePointer<wchar_t>) -> [Unicode.Scalar] {
      UnsafeBufferPointer(start: start, count: max(0, end - start)).map {
        Unicode.Scalar(UInt32(bitPattern: $0)) ?? "\u{FFFD}"
      }
    }
    return (scalars(line.buffer, line.cursor), scalars(line.cursor, line.lastchar))
  }

  private func draw(_ text: String) { _ = writeWhole(text.utf8, to: drawing) }

  /// What stands before the line now, for libedit.
  fileprivate func nextPrompt() -> UnsafeMutablePointer<wchar_t> {
    drawnPrompt = desk.prompt
    let scalars = drawnPrompt.unicodeScalars.map { wchar_t(bitPattern: $0.value) } + [0]
    promptMemory?.deallocate()
    let memory = UnsafeMutablePointer<wchar_t>.allocate(capacity: scalars.count)
    memory.initialize(from: scalars, count: scalars.count)
    promptMemory = memory
    return memory
  }

  // MARK: Completing

  /// - Returns: what libedit does next.
  fileprivate func complete() -> UInt8 {
    guard let completer = desk.completer else { return UInt8(CC_ERROR) }
    let question = CompletionQuestion(
      String(String.UnicodeScalarView(typedText.before)))
    let completion = Completion(of: question, among: completer(question))
    if !completion.insertion.isEmpty {
      let isDone = withWideCharacters(completion.insertion) { el_winsertstr(editor, $0) } == 0
      return UInt8(isDone ? CC_REFRESH : CC_ERROR)
    }
    guard !completion.choices.isEmpty else { return UInt8(CC_ERROR) }
    let shown = completion.choices.prefix(TerminalLimits.shownWords)
    for line in arranged(Array(shown), width: desk.terminal.width) { desk.terminal.talk(StyledText(line)) }
    let left = completion.choices.count - shown.count
    if left > 0 { desk.terminal.talk("… and \(left) more") }
    showAboveLine()
    return UInt8(CC_NORM)
  }
}

private func withWideCharacters<Result>(
  _ text: String, _ body: (UnsafePointer<wchar_t>) -> Result
) -> Result {
  (text.unicodeScalars.map { wchar_t(bitPattern: $0.value) } + [0]).withUnsafeBufferPointer {
    body($0.baseAddress!)
  }
}

// MARK: What libedit calls

private func session(of editor: OpaquePointer?) -> EditSession {
  Unmanaged<EditSession>.fromOpaque(ce_owner(editor)!).takeUnretainedValue()
}

private func readCharacter(_ editor: OpaquePointer?, _ place: UnsafeMutablePointer<wchar_t>?) -> CInt {
  session(of: editor).takeCharacter(into: place!)
}

private func promptOfSession(_ editor: OpaquePointer?) -> UnsafeMutablePointer<wchar_t>? {
  session(of: editor).nextPrompt()
}

private func completeWord(_ editor: OpaquePointer?, _ key: wint_t) -> UInt8 { session(of: editor).complete() }
