import Synchronization
import WarrenMachine

/// What can run at this instant, in an order drawn from the seed: so that races are found, and found again.
final class ReadyQueue: @unchecked Sendable {
  private var items: [ExecutorItem] = []
  private var random: SimulatorRandom
  /// Set while a run is under way, and only then is the queue confined to one thread.
  private let runner = Atomic<UInt>(0)
  /// What other threads hand in: the start of a run, and its cancellation from outside.
  private let inbox = Guarded<[ExecutorItem]>([])
  private let inboxIsFull = Atomic<Bool>(false)

  init(random: SimulatorRandom) {
    self.random = random
  }

  /// Whether the caller is the run's own thread.
  var isOnRunner: Bool { runner.load(ordering: .relaxed) == currentThread() }

  /// Makes the calling thread the one that runs.
  func beginRun() { runner.store(currentThread(), ordering: .relaxed) }

  func endRun() { runner.store(0, ordering: .relaxed) }

  func add(_ item: ExecutorItem) {
    if isOnRunner {
      items.append(item)
    } else {
      inbox.withLock { $0.append(item) }
      inboxIsFull.store(true, ordering: .releasing)
    }
  }

  /// One of the ready items, each equally likely.
  func next() -> ExecutorItem? {
    if inboxIsFull.load(ordering: .acquiring) { takeInbox() }
    switch items.count {
    case 0: return nil
    case 1: return items.removeLast()
    default:
      let index = random.below(items.count)
      items.swapAt(index, items.count - 1)
      return items.removeLast()
    }
  }

  private func takeInbox() {
    inboxIsFull.store(false, ordering: .relaxed)
    items += inbox.withLock { inbox in
      defer { inbox = [] }
      return inbox
    }
  }
}
