import TestSupport
import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("A reader of JSON on a stream")
struct JSONObjectReaderTests {
  private func readAll(_ pieces: [ArraySlice<UInt8>]) throws -> [String] {
    var reader = JSONObjectReader()
    var objects: [String] = []
    for piece in pieces {
      reader.append(Array(piece))
      while let object = try reader.next() { objects.append(String(decoding: object, as: UTF8.self)) }
    }
    return objects
  }

  @Test("finds each object, with and without lines, in whatever pieces it arrives")
  func pieces() throws {
    let objects = [
      #"{"a":"}"}"#, #"{"b":{"c":"\"{\\"},"d":[{}]}"#, "{}", #"{"é":"\u007d"}"#, "{ \"e\"\n:\r\n1}",
    ]
    let bytes = Array((objects[0] + "\n \t\r\n" + objects[1...].joined() + "\n").utf8)
    #expect(try readAll([bytes[...]]) == objects)
    #expect(try readAll(bytes.indices.map { bytes[$0...$0] }) == objects)
    for seed in 0..<100 {
      var random = SeededRandom(UInt64(seed))
      var pieces: [ArraySlice<UInt8>] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(12, rest.count), using: &random)
        pieces.append(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      #expect(try readAll(pieces) == objects, "seed \(seed)")
    }
  }

  @Test("refuses what begins as something else, or does not end")
  func refuses() {
    for text in ["[1]", "1", "\"{\"", "GET / HTTP/1.1\r\n", "}", "\0{}"] {
      #expect(throws: RegistryError.self, "\(text)") { try readAll([Array(text.utf8)[...]]) }
    }
    let endless = "{\"a\":\"" + String(repeating: "x", count: PairingLimits.questionBytes)
    #expect(throws: RegistryError.self) { try readAll([Array(endless.utf8)[...]]) }
    let deep = String(repeating: "{\"a\":", count: PairingLimits.questionBytes / 5 + 1)
    #expect(throws: RegistryError.self) { try readAll([Array(deep.utf8)[...]]) }
  }

  @Test(
    "does not fall over what is deep or huge",
    arguments: [
      String(repeating: "[", count: 60_000),
      String(repeating: "[", count: 30_000) + String(repeating: "]", count: 30_000),
      String(repeating: "{\"a\":", count: 10_000), "{\"id\":" + String(repeating: "9", count: 60_000) + "}",
      "{\"id\":1e999999999}", "{\"id\":-1e-999999999}", "{\"id\":\"\\ud800\"}", "\"", "", "\0", "nul",
      "{\"id\"",
      "{\"id\":\"a\",\"candidates\":[{\"ip\":\"1.2.3.4\",\"port\":1e400}]}",
      "{\"id\":\"a\",\"x\":" + String(repeating: "[", count: 400) + String(repeating: "]", count: 400) + "",
    ])
  func hostile(text: String) {
    let error = #expect(throws: RegistryError.self) { try PeerJSON(Array(text.utf8)) }
    #expect(error?.code == .badMessage && error?.reason.utf8.count ?? 0 < 400)
  }

  @Test("says what is missing, and where")
  func reasons() {
    func reason(_ text: String) -> String {
      do {
        _ = try PeerJSON(Array(text.utf8))
        return ""
      } catch {
        return error.reason
      }
    }
    #expect(reason("{}").hasPrefix("\"id\" is missing"))
    #expect(reason(#"{"id":1}"#).hasPrefix("\"id\" is something else"))
    #expect(
      reason(#"{"id":"a","candidates":[{"ip":"1.2.3.4"}]}"#).hasPrefix("\"candidates[0].port\" is missing"))
    #expect(
      reason(#"{"id":"a","candidates":[{"ip":"1.2.3.4","port":"1"}]}"#).hasPrefix(
        "\"candidates[0].port\" is something else"))
    #expect(reason("[]").hasPrefix("the whole is something else"))
  }

  @Test("reads what ours writes, whatever is in it")
  func writes() throws {
    let text =
      String(String.UnicodeScalarView((0..<0x180).compactMap { Unicode.Scalar($0) })) + "\u{2028}☃\u{1F600}"
    let json: JSONValue = ["uuid": .text(text), "x": .list([.number(-7), .list([]), [:]]), "target_ip": ""]
    let question = try PairingQuestion(json.bytes)
    #expect(question.uuid == text && question.targetIP == "")
    #expect(
      String(decoding: JSONValue.list([.number(1), ["a": "\u{1F}\n\"\\/"]]).bytes, as: UTF8.self)
        == #"[1,{"a":"\u001f\u000a\"\\/"}]"#)
  }
}
