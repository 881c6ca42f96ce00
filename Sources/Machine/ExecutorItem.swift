/// What an executor's queue holds: the jobs of its two faces, and plain calls between them.
package enum ExecutorItem: @unchecked Sendable {
  // Handed over as a whole to the one thread that runs it: hence `@unchecked`.

  /// A job of an actor.
  case actorJob(UnownedJob)
  /// A job of a task that is on no actor.
  case taskJob(UnownedJob)
  case work(() -> Void)

  /// Runs it, as a job of the executor that it came through.
  ///
  /// - Parameter goesOn: whether a task of this executor's that calls from one actor here to another goes on at once. Swift lets it
  ///   where it knows both of the faces that it runs on; else each call, and each return, stands in the queue once more.
  @inline(__always)
  package func run(on actors: UnownedSerialExecutor, _ tasks: UnownedTaskExecutor, goesOn: Bool) {
    switch self {
    case .actorJob(let job) where goesOn: job.runSynchronously(isolatedTo: actors, taskExecutor: tasks)
    case .actorJob(let job): job.runSynchronously(on: actors)
    case .taskJob(let job): job.runSynchronously(on: tasks)
    case .work(let work): work()
    }
  }
}
