import WarrenMachine

/// Why a file does not arrive.
public struct FileTransferError: Error, Hashable, Sendable {
  /// What went wrong; both sides are told the same.
  public enum Code: UInt16, Hashable, Sendable, CaseIterable {
    /// It is not wanted.
    case refused = 1
    /// Somebody has changed their mind.
    case cancelled = 2
    /// The receiver's disk is full.
    case diskFull = 3
    /// A file or folder may not be read or written.
    case notPermitted = 4
    /// A file or folder is not there.
    case notFound = 5
    /// Something else is wrong with a disk.
    case disk = 6
    /// A file was changed while it was sent, or is not what it was when it was offered.
    case changed = 7
    /// What has arrived is not what was sent.
    case corrupt = 8
    /// It is more than the receiver takes, or than can be sent at once.
    case tooLarge = 9
    /// The receiver has too much to do.
    case busy = 10
    /// The other side says what makes no sense.
    case badMessage = 11
    /// The other side is gone, and has not come back in time.
    case lost = 12
    /// It stands still, and may go on later.
    case interrupted = 13
    /// The exchange of this side is closed.
    case closed = 14
  }

  /// What went wrong.
  public var code: Code
  /// What a person is told.
  public var reason: String
  /// Whether it is the other side that has ended it.
  public var isRemote: Bool

  /// An error.
  public init(_ code: Code, _ reason: String, isRemote: Bool = false) {
    self.code = code
    self.reason = reason
    self.isRemote = isRemote
  }
}

extension FileTransferError: CustomStringConvertible {
  public var description: String { isRemote ? "the other side: \(reason)" : reason }
}

extension FileTransferError {
  /// What is wrong with a disk, as both sides are told.
  init(_ error: FileError) {
    let code: Code =
      switch error.code {
      case .diskFull: .diskFull
      case .notPermitted, .readOnly: .notPermitted
      case .notFound: .notFound
      case .tooLarge: .tooLarge
      default: .disk
      }
    self.init(code, "\(error)")
  }

  /// Whether it may go on by itself.
  var isTemporary: Bool { code == .interrupted || code == .busy }

  /// The number with which a stream is given up (RFC 9000, 11.2).
  var streamCode: UInt64 {
    // Whoever is closed may be opened again.
    Self.streamCodes + UInt64((code == .closed ? .interrupted : code).rawValue)
  }

  /// What the number of a stream that the other side has given up means.
  init(streamCode: UInt64) {
    let number = streamCode >= Self.streamCodes ? UInt16(exactly: streamCode - Self.streamCodes) : nil
    let code = number.flatMap(Code.init(rawValue:)) ?? .interrupted
    let reason =
      switch code {
      case .cancelled: "it was cancelled"
      case .interrupted: "it was interrupted"
      default: "it was given up (\(code))"
      }
    self.init(code, reason, isRemote: true)
  }

  private static let streamCodes: UInt64 = 0x66_00
}
