/// Runs every actor of a world, one job at a time.
final class WorldExecutor: SerialExecutor {
  private let ready: ReadyQueue

  init(ready: ReadyQueue) { self.ready = ready }

  func enqueue(_ job: consuming ExecutorJob) { ready.add(.actorJob(UnownedJob(job))) }

  func checkIsolated() {
    precondition(ready.isOnRunner, "called from outside the simulation's thread")
  }

  func isIsolatingCurrentContext() -> Bool? { ready.isOnRunner }
}

/// Runs everything in a world that is on no actor, on the same thread.
///
/// Two objects, since a job does not say whether it came as an actor's or as a task's.
final class WorldTaskExecutor: TaskExecutor {
  private let ready: ReadyQueue

  init(ready: ReadyQueue) { self.ready = ready }

  func enqueue(_ job: consuming ExecutorJob) { ready.add(.taskJob(UnownedJob(job))) }
}
