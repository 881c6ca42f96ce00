import WarrenMachine

/// A libuv loop on a thread of its own, which is the executor of everything that lives on it.
///
/// The thread runs as long as somebody holds the loop or a task still runs on it, so that no job is ever lost; it
/// ends by itself after the last of them.
public final class EventLoop: SerialExecutor {
  /// The other face: for tasks that are on no actor.
  let taskExecutor: LoopTaskExecutor
  let core: LoopCore

  /// A loop whose thread bears `name`.
  public init(name: String = "warren") {
    core = LoopCore()
    taskExecutor = LoopTaskExecutor(life: LoopLife(core: core))
    core.start(
      name: name, actors: asUnownedSerialExecutor(), tasks: taskExecutor.asUnownedTaskExecutor())
  }

  /// Whether the caller runs on this loop's thread.
  public var isCurrent: Bool { core.isCurrent }

  public func enqueue(_ job: consuming ExecutorJob) { core.add(.actorJob(UnownedJob(job))) }

  public func checkIsolated() {
    precondition(isCurrent, "called from outside the event loop's thread")
  }

  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Runs `work` on the loop, soon, from whatever thread.
  public func submit(_ work: @escaping @Sendable () -> Void) { core.add(.work(work)) }
}

/// Runs tasks that are on no actor, on the loop's thread.
///
/// An object of its own, since a job does not say whether it came as an actor's or as a task's. Every task that
/// prefers it keeps it, and with it the thread, alive.
final class LoopTaskExecutor: TaskExecutor {
  private let life: LoopLife

  init(life: LoopLife) { self.life = life }

  func enqueue(_ job: consuming ExecutorJob) { life.core.add(.taskJob(UnownedJob(job))) }
}

/// As long as it lives, the loop's thread does.
final class LoopLife: Sendable {
  let core: LoopCore

  init(core: LoopCore) { self.core = core }

  deinit { core.stop() }
}
