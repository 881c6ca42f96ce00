import Foundation

/// The bytes that are written in hexadecimal in a file of `Fixtures/STUN`.
func fixture(_ name: String) throws -> [UInt8] {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/STUN")
  let text = try String(contentsOf: folder.appending(path: name + ".hex"), encoding: .utf8)
  let digits = text.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
