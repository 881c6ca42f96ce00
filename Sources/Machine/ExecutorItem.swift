/// What an executor's queue holds: the jobs of its two faces, and plain calls between them.
package enum ExecutorItem: @unchecked Sendable {
  // Handed over as a whole to the one thread that runs it: hence `@unchecked`.

  /// A job of an actor.
  case actorJob(UnownedJob)
  /// A job of a task that is on no actor.
  case taskJob(UnownedJob)
  case work(() -> Void)

  /// Runs it, as a job of the executor that it came through.
  @inline(__always)
  package func run(on actors: UnownedSerialExecutor, _ tasks: UnownedTaskExecutor) {
    switch self {
    case .actorJob(let job): job.runSynchronously(on: actors)
    case .taskJob(let job): job.runSynchronously(on: tasks)
    case .work(let work): work()
    }
  }
}
