import Warren

/// A file of a relay's users is not as it should be.
struct WrongUsers: Error, CustomStringConvertible {
  let path: String
  let reason: RelayUsersError

  var description: String { "\(path.debugDescription), \(reason)" }
}
