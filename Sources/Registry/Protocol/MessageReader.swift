import WarrenMachine

/// Takes bytes as they come, and gives messages.
struct MessageReader {
  private var bytes: [UInt8] = []
  private var place = 0

  /// What came in, or what is wrong with it: then the next one may be right again.
  struct Incoming {
    var request: UInt32
    /// Nil where it is of a kind that is not known.
    var message: Result<RegistryMessage?, RegistryError>
  }

  mutating func append(_ more: [UInt8]) {
    if place == bytes.count {
      bytes = more
      place = 0
    } else {
      bytes += more
    }
  }

  /// How many bytes wait for the rest of their message: less than one message has.
  var waiting: Int { bytes.count - place }

  /// The next message, as soon as all of it has come.
  ///
  /// - Throws: a ``RegistryError`` where what comes is no message at all, and there is no going on.
  mutating func next() throws(RegistryError) -> Incoming? {
    guard waiting >= 2 else { return nil }
    let held = bytes
    let span = held.span.bytes
    let size = Int(span.number(at: place, as: UInt16.self))
    guard size >= Self.head, size <= RegistryLimits.messageBytes else {
      throw RegistryError(
        .badMessage, "a message has \(Self.head) to \(RegistryLimits.messageBytes) bytes, not \(size)")
    }
    guard waiting >= 2 + size else {
      compact()
      return nil
    }
    let kind = span.number(at: place + 2, as: UInt8.self)
    let request = span.number(at: place + 3, as: UInt32.self)
    let fields = span.extracting(place + 2 + Self.head..<place + 2 + size)
    place += 2 + size
    // Who waits for the next message holds nothing of the last one.
    if place == bytes.count { (bytes, place) = ([], 0) }
    do throws(RegistryError) {
      return Incoming(request: request, message: .success(try RegistryMessage(kind: kind, fields)))
    } catch {
      return Incoming(request: request, message: .failure(error))
    }
  }

  /// Kind and number.
  private static let head = 5

  private mutating func compact() {
    guard place > 0 else { return }
    bytes.removeFirst(place)
    place = 0
  }
}
