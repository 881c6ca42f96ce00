/// Why a message or a conversation is not as it should be.
enum ChatError: Error, Hashable, CustomStringConvertible {
  /// A message is longer than ``ChatLimits/textBytes``.
  case tooLong(Int)
  /// It does not fit into a datagram, and the other side takes nothing else.
  case tooLongForDatagram(Int)
  /// What the other side sends is no text.
  case notText
  /// The other side has begun a connection, and says nothing on it.
  case silent
  /// The other side has not said where it is.
  case noDescription
  /// It was to be pasted, and was not.
  case nothingPasted
  /// The other side has ended the conversation while there was more to be said.
  case endedBefore
  /// Somebody was asked to talk, and does not want to.
  case denied(String)
  /// The name is somebody else's.
  case nameTaken(String)

  var description: String {
    switch self {
    case .tooLong(let count):
      "a message of \(count) bytes is too long: at most \(ChatLimits.textBytes) are taken"
    case .tooLongForDatagram(let count):
      "a line of \(count) bytes is too long for this program: at most \(ChatLimits.datagramBytes) are sent"
    case .notText: "what was sent is no text in UTF-8"
    case .silent: "the other side has begun a connection and says nothing"
    case .noDescription: "the other side has not said where it is: does it have --no-ice?"
    case .nothingPasted: "no description of the other side has come: give it all that the other side prints"
    case .endedBefore: "the other side has ended the conversation before all was said"
    case .denied(let name): "\(name) does not want to talk"
    case .nameTaken(let name):
      "the name \(name.debugDescription) is somebody else's: choose another, or give none for one that is drawn"
    }
  }
}
