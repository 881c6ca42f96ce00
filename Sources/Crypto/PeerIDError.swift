import WarrenMachine

/// Why a text is no ``PeerID``.
public enum PeerIDError: Error, Hashable, Sendable {
  /// It has so many characters, and not 52.
  case length(Int)
  /// A character that is none of base32's in lower case, and how many stand before it.
  case character(Character, at: Int)
  /// The last character has bits that belong to no byte: the same peer has another text.
  case notCanonical
}

extension PeerIDError: CustomStringConvertible {
  /// What is wrong and how it would be right.
  public var description: String {
    switch self {
    case .length(let length):
      "a peer's id has \(PeerID.textLength) characters and this one \(length): copy all of it"
    case .character(let character, let place):
      "character \(place + 1) of this peer's id is \(quoted(String(character))): "
        + "it has only small letters from a to z and digits from 2 to 7"
    case .notCanonical:
      "the last character of this peer's id is wrong: it is an a or a q in every id"
    }
  }
}
