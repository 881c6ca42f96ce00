/// Who waits for what on a machine, and which of its tasks still run.
///
/// It ends every wait when the machine closes, and names the culprits when a simulation can go no further.
public final class WaitList: Sendable {
  private struct Entry {
    var activity: @Sendable () -> String
    var fail: @Sendable (any Error) -> Void
  }

  private struct State {
    var waits = SlotTable<Entry>()
    // By numbers that are never used again: a task may be over before it is known how it is cancelled.
    var lastTask: UInt64 = 0
    var tasks: [UInt64: RunningTask] = [:]
    var isClosed = false
    var areTasksOver = false
  }

  private struct RunningTask {
    var name: String
    /// Nil until it is known.
    var cancel: (@Sendable () -> Void)?
  }

  private let state = Guarded(State())

  /// An empty list, for those who implement a ``Machine``.
  public init() {}

  /// What the suspended calls wait for, oldest first.
  public var waiting: [String] {
    state.withLock { $0.waits.oldestFirst }.map { $0.activity() }
  }

  /// The names of the tasks that were spawned and have not ended, oldest first.
  public var runningTasks: [String] {
    state.withLock { $0.tasks.sorted { $0.key < $1.key }.map { $0.value.name } }
  }

  /// Ends every wait with `error`, and every later one too. Called on the machine's executor.
  public func close(with error: any Error) {
    let waits = state.withLock { state in
      state.isClosed = true
      return state.waits.oldestFirst
    }
    for wait in waits { wait.fail(error) }
  }

  /// Cancels every task, and each that begins later: one may wait for what no machine knows of, such as a sequence. Called when all
  /// is over.
  public func cancelTasks() {
    let tasks = state.withLock { state in
      state.areTasksOver = true
      return state.tasks.sorted { $0.key < $1.key }.map { $0.value }
    }
    for task in tasks { task.cancel?() }
  }

  /// - Returns: nil when the list is closed.
  func add(
    _ activity: @escaping @Sendable () -> String, fail: @escaping @Sendable (any Error) -> Void
  ) -> Int? {
    state.withLock { state in
      state.isClosed ? nil : state.waits.add(Entry(activity: activity, fail: fail))
    }
  }

  func remove(_ id: Int) {
    // The entry is released outside the lock: its closures may own what takes the lock when it goes.
    _ = state.withLock { $0.waits.remove(id) }
  }

  func taskBegan(_ name: String) -> UInt64 {
    state.withLock { state in
      state.lastTask += 1
      state.tasks[state.lastTask] = RunningTask(name: name)
      return state.lastTask
    }
  }

  /// How a task is cancelled that has begun; at once where all is over.
  func task(_ id: UInt64, isCancelledBy cancel: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      state.tasks[id]?.cancel = cancel
      return state.areTasksOver
    }
    if isLate { cancel() }
  }

  func taskEnded(_ id: UInt64) {
    _ = state.withLock { $0.tasks.removeValue(forKey: id) }
  }
}
