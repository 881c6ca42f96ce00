import TestSupport
import Testing

/// The bytes that are written in hexadecimal in a file of `Fixtures/STUN`.
func fixture(_ name: String) throws -> [UInt8] {
  bytes(hex: try #require(Folder.text(of: Folder.repository + "/Fixtures/STUN/\(name).hex")))
}
