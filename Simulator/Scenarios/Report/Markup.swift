import Warren

/// A piece of HTML or SVG.
///
/// What is written in the program is markup as it stands. What is put in between, such as a name from somebody's file, is text: it can
/// neither begin an element nor end an attribute.
///
///     let row: Markup = "<td title=\"\(name)\">\(count)</td>"
package struct Markup: Hashable, Sendable, ExpressibleByStringInterpolation {
  package typealias StringLiteralType = StaticString

  /// The HTML.
  package private(set) var text: String

  /// Nothing yet.
  package init() { text = "" }

  /// Markup that stands in the program: no other text can be made markup.
  package init(stringLiteral text: StaticString) { self.text = text.description }

  package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// Pieces one after the other.
  package init(_ pieces: some Sequence<Markup>) { text = pieces.reduce(into: "") { $0 += $1.text } }

  package struct StringInterpolation: StringInterpolationProtocol {
    package typealias StringLiteralType = StaticString

    fileprivate var text = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + 8 * interpolationCount)
    }

    package mutating func appendLiteral(_ literal: StaticString) { text += literal.description }

    /// Text from anywhere.
    package mutating func appendInterpolation(_ text: String) { self.text += text.escapedForMarkup }

    package mutating func appendInterpolation(_ number: some FixedWidthInteger) { text += "\(number)" }

    /// A length, to a tenth.
    package mutating func appendInterpolation(_ length: Double) { text += length.tenths }

    package mutating func appendInterpolation(_ piece: Markup) { text += piece.text }

    package mutating func appendInterpolation(_ pieces: [Markup]) {
      for piece in pieces { text += piece.text }
    }
  }

  package static func + (left: Markup, right: Markup) -> Markup { Markup([left, right]) }

  package static func += (left: inout Markup, right: Markup) { left.text += right.text }
}

extension String {
  /// The same as text of a document, or as an attribute's value within quotation marks of either kind.
  ///
  /// What moves or hides what stands beside it is shown as `U+FFFD`, and is no character of XML in part.
  package var escapedForMarkup: String {
    var escaped = String.UnicodeScalarView()
    for scalar in undisturbing.unicodeScalars {
      switch scalar {
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
