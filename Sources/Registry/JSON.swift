import FoundationEssentials

/// JSON that is read, with what every Swift brings along: the one place that imports it.
enum JSON {
  /// The value that `bytes` spell.
  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(JSONError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw JSONError(error)
    } catch {
      throw JSONError(reason: "this is not JSON")
    }
  }
}

/// Why bytes are not the JSON that is needed.
struct JSONError: Error {
  /// What a person is told.
  var reason: String

  init(reason: String) { self.reason = reason }

  fileprivate init(_ error: DecodingError) {
    func name(_ path: [any CodingKey]) -> String {
      guard !path.isEmpty else { return "the whole" }
      let parts = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
      return "\"\(parts.joined().drop { $0 == "." })\""
    }
    switch error {
    case .keyNotFound(let key, let context): reason = "\(name(context.codingPath + [key])) is missing"
    case .valueNotFound(_, let context): reason = "\(name(context.codingPath)) is missing"
    case .typeMismatch(_, let context):
      reason = "\(name(context.codingPath)) is something else than it should be"
    case .dataCorrupted(let context):
      reason =
        context.codingPath.isEmpty
        ? "this is not JSON" : "\(name(context.codingPath)) is something else than it should be"
    @unknown default: reason = "this is not JSON"
    }
  }
}
