/// A kind of value: what it is called, how a word is read as one, and what a shell offers.
///
/// Whoever has a type of its own adds a kind in an extension, `extension ValueKind where Value == Mine`.
public struct ValueKind<Value: Sendable>: Sendable {
  /// What stands for it in the help, such as `PORT`.
  public let name: String
  /// What is expected, such as "a port from 0 to 65535".
  public let expected: String
  /// One that is right.
  public let example: String
  public let completion: ValueCompletion
  let show: @Sendable (Value) -> String
  let read: @Sendable (String) throws -> Value?

  /// - Parameters:
  ///   - show: how a default value is written.
  ///   - read: what a word means. Nil where it is none of this kind: then what is expected is said. An error says why itself.
  public init(
    _ name: String, expected: String, example: String, completion: ValueCompletion = .nothing,
    show: @escaping @Sendable (Value) -> String = { "\($0)" },
    read: @escaping @Sendable (String) throws -> Value?
  ) {
    self.name = name
    self.expected = expected
    self.example = example
    self.completion = completion
    self.show = show
    self.read = read
  }

  /// The same under another name, or with another example or completion.
  public func named(
    _ name: String? = nil, example: String? = nil, completion: ValueCompletion? = nil
  ) -> ValueKind {
    ValueKind(
      name ?? self.name, expected: expected, example: example ?? self.example,
      completion: completion ?? self.completion, show: show, read: read)
  }

  /// The same for those who do not know the type.
  var erased: ErasedValueKind {
    ErasedValueKind(name: name, expected: expected, example: example, completion: completion) { try read($0) }
  }
}
