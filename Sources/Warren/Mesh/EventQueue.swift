import WarrenMachine

/// What has happened and was not read yet. Used on the machine's executor alone.
final class EventQueue<Event: SizedEvent>: @unchecked Sendable {
  private var events = Queue<Event>()
  private var bytes = 0
  private let limit: Int
  private var readers: [Wait<Void>] = []
  private var writers: [Wait<Void>] = []
  private(set) var isClosed = false

  init(limit: Int) { self.limit = limit }

  func append(_ event: Event) {
    guard !isClosed else { return }
    events.append(event)
    bytes += event.size
    readers.endAll(.success(()))
    readers = []
  }

  func popFirst() -> Event? {
    guard let event = events.popFirst() else { return nil }
    bytes -= event.size
    if hasRoom { wakeWriters() }
    return event
  }

  /// Whether more may be read from the network.
  var hasRoom: Bool { bytes <= limit || isClosed }

  func waitForRoom(_ wait: Wait<Void>) { if hasRoom { wait.succeed(()) } else { writers.append(wait) } }

  func waitForEvent(_ wait: Wait<Void>) {
    if !events.isEmpty || isClosed { wait.succeed(()) } else { readers.append(wait) }
  }

  func close() {
    isClosed = true
    readers.endAll(.success(()))
    readers = []
    wakeWriters()
  }

  private func wakeWriters() {
    writers.endAll(.success(()))
    writers = []
  }
}

/// Something that happens, and is kept until somebody has read it.
protocol SizedEvent: Sendable {
  /// What it costs to keep.
  var size: Int { get }
}
