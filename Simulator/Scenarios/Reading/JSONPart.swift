/// A value of a JSON text, and in which line it stands: what is wrong with it can then be found.
struct JSONPart: Sendable {
  var value: Value
  var line = 0

  indirect enum Value: Sendable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case nothing
    case list([JSONPart])
    /// In the order in which they are written.
    case object([(name: String, part: JSONPart)])
  }

  /// What it is, for people.
  var kind: String {
    switch value {
    case .text: "a text"
    case .number: "a number"
    case .flag: "true or false"
    case .nothing: "null"
    case .list: "a list"
    case .object: "an object"
    }
  }
}
