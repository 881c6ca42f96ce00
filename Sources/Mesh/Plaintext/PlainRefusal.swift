import WarrenMachine

/// What somebody who calls is told instead of who one is.
package enum PlainRefusal: String, Hashable, Sendable {
  case duplicate = "DUPLICATE"
  case full = "MAX_PEERS"

  /// What the word means for whoever hears it.
  var error: PlainError {
    switch self {
    case .duplicate: PlainError(.duplicate, "it has a connection with this node already")
    case .full: PlainError(.full, "it has connections enough: try another one")
    }
  }
}
