/// A field of a head, by name and value (RFC 9110, 5).
package struct HTTPField: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Whether it has this name, which is in lower case: the case of names says nothing (RFC 9110, 5.1).
  func isNamed(_ name: String) -> Bool {
    self.name.utf8.elementsEqual(name.utf8) {
      $0 == $1 || $0 &+ 0x20 == $1 && $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z")
    }
  }
}

extension [HTTPField] {
  /// The values of all fields of this name, which is in lower case.
  package func values(of name: String) -> [String] { compactMap { $0.isNamed(name) ? $0.value : nil } }
}
