import WarrenMachine

/// Bytes on their way: written once by the sender, shared by everything that the packet passes.
public struct Payload: @unchecked Sendable {
  // Never changed once it is made, and its memory never moves: hence `@unchecked`.
  private let storage: Storage?
  // Half as large as numbers are: it is copied with each packet.
  private let start: UInt32
  private let length: UInt32

  private final class Storage {
    let memory: UnsafeMutableRawBufferPointer

    init(copying bytes: UnsafeRawBufferPointer) {
      memory = .allocate(byteCount: bytes.count, alignment: 16)
      memory.copyMemory(from: bytes)
    }

    deinit { memory.deallocate() }
  }

  private init(storage: Storage?, offset: Int, count: Int) {
    self.storage = storage
    start = UInt32(offset)
    length = UInt32(count)
  }

  /// How many bytes there are.
  public var count: Int { Int(length) }

  private var offset: Int { Int(start) }

  /// No bytes.
  public static let empty = Payload(storage: nil, offset: 0, count: 0)

  /// A copy of `bytes`.
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.init(storage: bytes.isEmpty ? nil : Storage(copying: bytes), offset: 0, count: bytes.count)
  }

  /// A copy of `bytes`.
  public init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { Payload($0) }
  }

  /// The bytes, which live as long as the payload.
  package var buffer: UnsafeRawBufferPointer {
    guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: storage.memory[offset..<offset + count])
  }

  /// The bytes, copied.
  public var bytes: [UInt8] { withExtendedLifetime(storage) { [UInt8](buffer) } }

  /// A part of the bytes, which shares their memory.
  public subscript(range: Range<Int>) -> Payload {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "a part outside the payload")
    return Payload(storage: storage, offset: offset + range.lowerBound, count: range.count)
  }
}

extension Payload: Hashable {
  public static func == (left: Payload, right: Payload) -> Bool {
    left.count == right.count && left.bytes == right.bytes
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
