import Glibc
import WarrenMachine

/// Orders that come by a named pipe while the program does other things: a word and the rest of the line.
final class OrderPipe: Sendable {
  typealias Obeying = @Sendable (_ order: String, _ rest: String) -> Void

  private let path: String
  private let obey: Obeying
  private let goes = Guarded<[CInt]>([])

  /// Begins to obey. Nothing is obeyed where `path` is empty.
  init(_ path: String, _ obey: @escaping Obeying) {
    (self.path, self.obey) = (path, obey)
    var ends: [CInt] = [0, 0]
    precondition(pipe(&ends) == 0)
    let both = ends
    goes.withLock { $0 = both }
    guard path != "-" else { return }
    var thread = pthread_t()
    pthread_create(&thread, nil, takeOrders, Unmanaged.passRetained(self).toOpaque())
  }

  /// Waits for the order "go".
  func waitForGo() {
    let end = goes.withLock { $0[0] }
    var byte: UInt8 = 0
    while read(end, &byte, 1) < 0, errno == EINTR {}
  }

  fileprivate func run() {
    // For writing as well, so that it does not end when one writer goes.
    let pipe = open(path, O_RDWR)
    precondition(pipe >= 0)
    let file = fdopen(pipe, "r")!
    var line: UnsafeMutablePointer<CChar>?
    var size = 0
    while getline(&line, &size, file) > 0, let line {
      let words = String(cString: line).dropLast().split(separator: " ", maxSplits: 1).map(String.init)
      let rest = words.count > 1 ? words[1] : ""
      if words.first == "go" {
        let end = goes.withLock { $0[1] }
        _ = write(end, "g", 1)
      } else {
        obey(words.first ?? "", rest)
      }
    }
  }
}

private func takeOrders(_ pipe: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<OrderPipe>.fromOpaque(pipe!).takeRetainedValue().run()
  return nil
}
