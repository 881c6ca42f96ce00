import Testing
import WarrenRegistry

@Suite("A name in a registry")
struct RegistryNameTests {
  @Test(
    "is a line of text",
    arguments: ["a", "Bob", "Bob Dylan", "Zoë", "名前", "peer:7", String(repeating: "n", count: 64), "🦊"])
  func good(text: String) throws {
    #expect(try RegistryName(text).text == text)
    #expect(try RegistryName(utf8: Array(text.utf8)).description == text)
  }

  @Test(
    "is nothing else",
    arguments: [
      "", " ", "Bob ", " Bob", "\u{A0}Bob", "Bob\n", "B\u{0}b", "B\u{7F}b", "B\u{202E}b", "B\u{200B}b",
      "B\u{2028}b",
      "\u{E000}", String(repeating: "n", count: 65), String(repeating: "名", count: 22),
    ])
  func bad(text: String) {
    let error = #expect(throws: RegistryError.self) { _ = try RegistryName(text) }
    #expect(error?.code == .badName)
    // What is wrong with it does not disturb whoever reads it.
    #expect(
      error.map { !$0.reason.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E } } ?? false)
  }

  @Test("is text", arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x42, 0xC3]] as [[UInt8]])
  func garbage(bytes: [UInt8]) {
    #expect(throws: RegistryError.self) { _ = try RegistryName(utf8: bytes) }
  }

  @Test("is the same in capitals, and however its letters are put together")
  func same() throws {
    #expect(try RegistryName("Zoë") == RegistryName("ZOË"))
    #expect(try RegistryName("Zo\u{EB}") == RegistryName("Zoe\u{308}"))
    #expect(try Set([RegistryName("Zo\u{EB}"), RegistryName("zoe\u{308}")]).count == 1)
    #expect(try RegistryName("Zoë") != RegistryName("Zoe"))
  }
}
