/// What carries the lines of a conversation of two.
protocol LineCarrier: Sendable {
  /// Waits where the other side takes nothing.
  func say(_ text: String) async throws
  /// Calls `body` with each line, until the other side has said its last one.
  func hear(_ body: @Sendable (String) async -> Void) async throws
  /// Says that this side has said its last, and waits until the other side has heard it: for so long at most, or for as long as it is
  /// there.
  func end(within limit: Duration?) async
  /// Both sides have said their last.
  func bothHaveEnded() async
  /// The ways to the other side, as they are now.
  var ways: [String] { get async }
  /// What the prompt is to say of the way in use, now and whenever it is another.
  var wayUpdates: AsyncStream<String> { get async }
}
