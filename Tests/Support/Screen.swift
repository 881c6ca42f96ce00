import Glibc
import Testing

/// A terminal in which a shell runs, as somebody sees it who sits before it: tmux, on a server of its own.
///
/// The shell is one that leaves the terminal's modes as a program has left them (dash), and not one that repairs them.
public final class Screen: Sendable {
  /// Why there is none here.
  public static let obstacle: String? =
    system("command -v tmux >/dev/null && command -v dash >/dev/null") != 0
    ? "there is no tmux or no dash: apt-get install tmux dash"
    : nil
  private static let limit: Duration = .seconds(20)

  public let folder: String
  /// The pipe by which the program is told what to do. It is open all the time, so that no order is lost before the program reads.
  private let orders: CInt

  private init(folder: String) throws {
    self.folder = folder
    try #require(mkfifo(folder + "/orders", 0o600) == 0)
    orders = open(folder + "/orders", O_RDWR | O_CLOEXEC)
    try #require(orders >= 0)
  }

  deinit { close(orders) }

  /// Lends `body` a screen of this size, with a shell that waits in a folder of its own and calls `program` `$P`.
  public static func with(
    _ program: String, columns: Int = 50, rows: Int = 16, _ body: (Screen) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      let screen = try Screen(folder: folder)
      let environment = "HOME=\(folder) PATH=\"$PATH\" TERM=screen PS1='$ '"
      try screen.tmux(
        "-f /dev/null start-server \\; set-option -g history-limit 50000 \\; new-session -d -x \(columns) -y \(rows) \"cd \(folder); exec env --default-signal=INT,QUIT,TERM,HUP -i \(environment) P=\(program) SWIFT_BACKTRACE=enable=no dash -i\""
      )
      defer { _ = try? screen.tmux("kill-server") }
      try await screen.wait("a shell") { $0.last == "$" }
      try await body(screen)
    }
  }

  /// Tells the program to do something.
  public func order(_ text: String) throws {
    let line = text + "\n"
    try #require(write(orders, line, line.utf8.count) == line.utf8.count)
  }

  // MARK: The keyboard

  public func type(_ text: String) throws {
    let quoted = text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
    try tmux("send-keys -l -- '\(quoted)'")
  }

  /// Presses keys by tmux's names, such as `Left`, `Enter` and `C-c`, so many times.
  public func press(_ keys: String, times: Int = 1) throws { try tmux("send-keys -N \(times) \(keys)") }

  /// Types all of it at once.
  public func paste(_ text: String) throws {
    unlink(folder + "/clipboard")
    Folder.put(text, at: folder + "/clipboard")
    try tmux("load-buffer \(folder)/clipboard")
    try tmux("paste-buffer")
  }

  /// Has the shell run something.
  public func run(_ command: String) throws {
    try type(command)
    try press("Enter")
  }

  public func resize(columns: Int, rows: Int) throws { try tmux("resize-window -x \(columns) -y \(rows)") }

  // MARK: The screen

  /// What is to be seen, without what is empty at the end of lines and below them.
  public func lines() throws -> [String] {
    let all = try tmux("capture-pane -p").split(separator: "\n", omittingEmptySubsequences: false)
    let trimmed = all.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
    return trimmed.reversed().drop { $0.isEmpty }.reversed()
  }

  /// The same, with all that has gone out at the top.
  public func history() throws -> [String] {
    try tmux("capture-pane -p -S -").split(separator: "\n").map(String.init)
  }

  public func cursor() throws -> String {
    try tmux("display-message -p '#{cursor_x},#{cursor_y}'").filter { $0 != "\n" }
  }

  /// Waits until what is to be seen is as wished.
  @discardableResult
  public func wait(_ wish: String, _ isSo: ([String]) throws -> Bool) async throws -> [String] {
    let clock = ContinuousClock()
    let start = clock.now
    while true {
      let seen = try lines()
      if try isSo(seen) { return seen }
      try #require(clock.now - start < Self.limit, "it was waited in vain for \(wish): \(seen)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Waits until these are the last lines that are to be seen.
  public func wait(forEnd end: String...) async throws {
    try await wait("\(end)") { $0.suffix(end.count) == end[...] }
  }

  // MARK: The terminal's modes

  /// Begins the program between two looks at the modes, and waits until it shows `first`.
  public func start(_ words: String, first: String = ">") async throws {
    try run(
      "clear; stty -a > before; sh -c 'echo $$ > pid; exec $P \(words)'; echo code $?; stty -a > after; echo over"
    )
    try await wait("the program") { $0.last == first }
  }

  /// Waits until the program has ended, and the shell goes on.
  ///
  /// - Returns: what is to be seen before that.
  @discardableResult
  public func end(code: Int, _ place: SourceLocation = #_sourceLocation) async throws -> [String] {
    let seen = try await wait("the end") { $0.suffix(2) == ["over", "$"] }
    #expect(seen.suffix(3).first == "code \(code)", sourceLocation: place)
    let modes = Folder.text(of: folder + "/before")
    #expect(modes != nil && modes != "" && modes == Folder.text(of: folder + "/after"), sourceLocation: place)
    return seen.dropLast(3)
  }

  /// The terminal's modes now.
  public func modes() throws -> String {
    try Self.shell("stty -a -F \(try tmux("display-message -p '#{pane_tty}'"))")
  }

  // MARK: tmux

  @discardableResult
  private func tmux(_ words: String) throws -> String { try Self.shell("tmux -S \(folder)/tmux \(words)") }

  /// What a command prints.
  public static func shell(_ command: String) throws -> String {
    let pipe = try #require(popen(command, "r"))
    var bytes: [UInt8] = []
    while case let byte = getc(pipe), byte != EOF { bytes.append(UInt8(byte)) }
    let code = pclose(pipe)
    try #require(code == 0, "\(command)")
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Trait where Self == ConditionTrait {
  /// Where there is a terminal to be had.
  public static var needsScreen: Self {
    .enabled(if: Screen.obstacle == nil, Comment(rawValue: Screen.obstacle ?? ""))
  }
}
