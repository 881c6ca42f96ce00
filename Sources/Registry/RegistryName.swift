import WarrenMachine

/// What a peer is called in a registry: a line of text.
///
/// Two names are one if only case tells them apart, or how Unicode writes the same letters: nobody is to be taken for
/// somebody else because of that.
public struct RegistryName: Sendable {
  /// As its owner writes it.
  public let text: String
  private let folded: String

  /// A name, if it is one.
  public init(_ text: String) throws(RegistryError) {
    guard !text.isEmpty else { throw RegistryError(.badName, "a name has at least one character") }
    guard text.utf8.count <= RegistryLimits.nameBytes else {
      throw RegistryError(
        .badName, "a name has at most \(RegistryLimits.nameBytes) bytes: \(quoted(text, limit: 40)) has more")
    }
    guard !text.unicodeScalars.contains(where: \.couldDisturb) else {
      throw RegistryError(.badName, "\(quoted(text)) has characters that cannot be seen")
    }
    guard text.first?.isWhitespace == false, text.last?.isWhitespace == false else {
      throw RegistryError(.badName, "\(quoted(text)) begins or ends with a space")
    }
    self.text = text
    folded = text.lowercased()
  }

  /// A name from somewhere else, if it is text at all.
  public init(utf8 bytes: [UInt8]) throws(RegistryError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw RegistryError(.badName, "a name is text in UTF-8")
    }
    try self.init(text)
  }
}

extension RegistryName: Hashable {
  public static func == (one: RegistryName, other: RegistryName) -> Bool { one.folded == other.folded }

  public func hash(into hasher: inout Hasher) { hasher.combine(folded) }
}

extension RegistryName: CustomStringConvertible {
  public var description: String { text }
}
