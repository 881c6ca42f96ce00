import WarrenMachine

/// What happened to the mappings of a mapper, for any number of readers; its mapper's own.
final class PortMappingJournal {
  private var kept: [PortMapper.Change] = []
  /// How many changes there have been, kept or not.
  private var count = 0
  private var hasEnded = false
  private var readers: [(id: Int, wait: Wait<Void>)] = []
  private var lastReader = 0

  func note(_ change: PortMapper.Change) {
    kept.append(change)
    if kept.count > PortMappingLimits.keptChanges { kept.removeFirst() }
    count += 1
    wakeReaders()
  }

  /// Nothing more will happen.
  func end() {
    hasEnded = true
    wakeReaders()
  }

  private func wakeReaders() {
    let woken = readers
    readers = []
    for reader in woken { reader.wait.succeed(()) }
  }

  /// The change after the first `number`, with its own number; nil where none will follow.
  func change(
    after number: Int, on machine: any Machine, isolation: isolated (any Actor)? = #isolation
  ) async throws -> (PortMapper.Change, Int)? {
    while true {
      if count > number {
        // Who reads too slowly goes on with the oldest that is kept.
        let place = max(0, kept.count - (count - number))
        return (kept[place], count - kept.count + place + 1)
      }
      if hasEnded { return nil }
      try await machine.suspend({ "a change of a port mapping" }) { (wait: Wait<Void>) in
        guard count == number, !hasEnded else { return wait.succeed(()) }
        lastReader += 1
        let id = lastReader
        readers.append((id, wait))
        wait.onEnd = { [weak self] in self?.readers.removeAll { $0.id == id } }
      }
    }
  }
}
