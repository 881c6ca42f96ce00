/// A file that is open. It stays open until it is closed, or its machine is.
public protocol OpenFile: AnyObject, Sendable {
  /// Whose it is.
  var machine: any Machine { get }
  /// Where it was found, for people.
  var path: String { get }

  /// Reads so many bytes, or fewer where the file ends before.
  ///
  /// - Parameter look: is lent the bytes where they were read, on whatever thread that is: what takes long, such as a hash, holds
  ///   nobody up there.
  func read(_ count: Int, at offset: UInt64, through look: FileLook?, _ wait: Wait<[UInt8]>)
  /// Writes all of these bytes, lending them to `look` before.
  func write(_ bytes: [UInt8], at offset: UInt64, through look: FileLook?, _ wait: Wait<Void>)
  /// Cuts the file there, or fills it up to there with zeros.
  func setSize(_ size: UInt64, _ wait: Wait<Void>)
  /// What it is at present.
  func info(_ wait: Wait<FileInfo>)
  /// Sees to it that what was written lasts, whatever happens to the machine.
  func sync(_ wait: Wait<Void>)
  /// Closes it, once what was begun is done.
  func close()
}

/// What looks at bytes on their way to a file or from it.
public typealias FileLook = @Sendable (RawSpan) -> Void

// MARK: Waiting

extension OpenFile {
  /// Reads so many bytes, or fewer where the file ends before, lending them to `look` on the thread that has read them.
  public func read(_ count: Int, at offset: UInt64, through look: FileLook? = nil) async throws -> [UInt8] {
    let path = path
    return try await machine.suspend({ "read \(quoted(path))" }) {
      read(count, at: offset, through: look, $0)
    }
  }

  /// Writes all of these bytes, lending them to `look` before.
  public func write(_ bytes: [UInt8], at offset: UInt64, through look: FileLook? = nil) async throws {
    let path = path
    try await machine.suspend({ "write \(quoted(path))" }) { write(bytes, at: offset, through: look, $0) }
  }

  /// Cuts the file there, or fills it up to there with zeros.
  public func setSize(_ size: UInt64) async throws {
    let path = path
    try await machine.suspend({ "cut \(quoted(path))" }) { setSize(size, $0) }
  }

  /// What it is at present.
  public func info() async throws -> FileInfo {
    let path = path
    return try await machine.suspend({ "look at \(quoted(path))" }) { info($0) }
  }

  /// Sees to it that what was written lasts, whatever happens to the machine.
  public func sync() async throws {
    let path = path
    try await machine.suspend({ "sync \(quoted(path))" }) { sync($0) }
  }
}
