import Warren
import WarrenScenarios

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where what happens in one run is written: a capture, and a qlog for each end of a connection. Nothing that is there is replaced.
final class Recording: Sendable {
  private let capture: OutputFile?
  private let folder: String?
  /// What has gone wrong first, where nobody could be told.
  private let failure = Guarded<UnwritablePlace?>(nil)
  private let logs = Guarded(0)

  init(capture path: String?, qlogs folder: String?) throws(UnwritablePlace) {
    if let folder {
      if mkdir(folder, 0o777) != 0, errno != EEXIST { throw UnwritablePlace(path: folder, code: errno) }
      try UnwritablePlace.check(folder: folder)
    }
    self.folder = folder
    capture = try path.map { path throws(UnwritablePlace) in try OutputFile(path) }
  }

  /// Has a run tell what is to be written.
  func apply(to options: inout Scenario.Options) {
    if let capture { options.capture = { capture.write($0) } }
    if folder != nil { options.qlog = { [self] in log($0) } }
  }

  private func log(_ name: String) -> (@Sendable ([UInt8]) -> Void)? {
    let name = String(name.map { $0 == "/" || $0.isNewline ? "_" : $0 })
    do {
      let file = try OutputFile("\(folder!)/\(name).sqlog")
      logs.withLock { $0 += 1 }
      return { [self] in
        file.write($0)
        if let error = file.failure { fail(error) }
      }
    } catch {
      fail(error)
      return nil
    }
  }

  private func fail(_ error: UnwritablePlace) {
    failure.withLock { if $0 == nil { $0 = error } }
  }

  /// What was written, a line each.
  ///
  /// - Throws: where something could not be.
  func end() throws(UnwritablePlace) -> [String] {
    try capture?.close()
    if let failure = failure.withLock({ $0 }) { throw failure }
    var lines: [String] = []
    if let capture { lines.append("\(capture.path): \(capture.count) bytes, for Wireshark") }
    if let folder { lines.append("\(folder): \(logs.withLock { $0 }) ends of connections, as qlog") }
    return lines
  }
}
