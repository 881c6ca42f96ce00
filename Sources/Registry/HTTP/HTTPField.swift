/// A field of a head, by name and value (RFC 9110, 5).
package struct HTTPField: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

extension [HTTPField] {
  /// The values of all fields of this name, which is in lower case: the case of names says nothing (RFC 9110, 5.1).
  package func values(of name: String) -> [String] {
    compactMap { $0.name.lowercased() == name ? $0.value : nil }
  }
}
