import WarrenMachine

/// Text to be shown to a person.
///
/// What is written in the program is shown as it is, line ends too. What is put in between, such as a name that somebody
/// else has chosen, is made harmless: it can neither move the cursor nor begin a line.
///
///     terminal.talk("\(name, .strong) is here")
package struct StyledText: Hashable, Sendable, ExpressibleByStringInterpolation {
  struct Piece: Hashable, Sendable {
    var text: String
    var style: Style?
  }

  private(set) var pieces: [Piece] = []

  /// Nothing yet.
  package init() {}

  /// Text from anywhere, made harmless.
  package init(_ text: String, _ style: Style? = nil) {
    pieces = [Piece(text: text.undisturbing, style: style)]
  }

  package init(stringLiteral text: String) {
    pieces = [Piece(text: text, style: nil)]
  }

  package init(stringInterpolation: StringInterpolation) {
    pieces = stringInterpolation.pieces
  }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var pieces: [Piece] = []

    package init(literalCapacity: Int, interpolationCount: Int) {
      pieces.reserveCapacity(2 * interpolationCount + 1)
    }

    package mutating func appendLiteral(_ text: String) {
      if !text.isEmpty { pieces.append(Piece(text: text, style: nil)) }
    }

    package mutating func appendInterpolation(_ value: some Any, _ style: Style? = nil) {
      pieces.append(Piece(text: "\(value)".undisturbing, style: style))
    }

    package mutating func appendInterpolation(_ text: StyledText) { pieces += text.pieces }
  }

  package static func + (left: StyledText, right: StyledText) -> StyledText {
    var both = left
    both.pieces += right.pieces
    return both
  }

  package static func += (left: inout StyledText, right: StyledText) { left.pieces += right.pieces }

  /// What is written to a terminal, or to a file.
  func rendered(inColour: Bool) -> String {
    guard inColour else { return pieces.reduce(into: "") { $0 += $1.text } }
    return pieces.reduce(into: "") { text, piece in
      guard let style = piece.style, !piece.text.isEmpty else {
        text += piece.text
        return
      }
      text += "\u{1B}[\(style.rendition)m\(piece.text)\u{1B}[0m"
    }
  }
}
