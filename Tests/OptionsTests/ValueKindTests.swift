import Testing

@testable import WarrenOptions

@Suite("Kinds of values")
struct ValueKindTests {
  @Test("a port is a number of its own", arguments: ["", "0", "65536", "-1", "+1", "0x1", "1 ", "１", "1_0"])
  func badPort(_ word: String) throws {
    #expect(try ValueKind.port.read(word) == nil)
  }

  @Test("numbers keep within their range")
  func numbers() throws {
    #expect(try ValueKind.port.read("65535") == 65535 && ValueKind.ownPort.read("0") == 0)
    let kind = ValueKind<Int>.number(-3...12)
    #expect(try kind.read("-3") == -3 && kind.read("12") == 12 && kind.read("007") == 7)
    for word in ["-4", "13", "", "-", "--3", "99999999999999999999", "3.0"] {
      #expect(try kind.read(word) == nil)
    }
    #expect(kind.expected == "a whole number from -3 to 12")
    #expect(try ValueKind<UInt64>.number.read("\(UInt64.max)") == .max)
    #expect(ValueKind<UInt64>.number.expected == "a whole number")
    #expect(ValueKind<UInt64>.number(5 ... .max).expected == "a whole number from 5 on")
  }

  @Test("a percentage has a sign or none, and is a fraction of one")
  func percent() throws {
    let kind = ValueKind.percent(atMost: 50)
    #expect(try kind.read("5") == 0.05 && kind.read("2.5%") == 0.025 && kind.read("50") == 0.5)
    for word in ["", "%", "51", "50.1", "-1", "1e1", "nan", "inf", ".5", "5.", "1..2", "5%%"] {
      #expect(try kind.read(word) == nil, "\(word)")
    }
    #expect(kind.show(0.05) == "5" && kind.show(0.025) == "2.5" && kind.show(0.29) == "29")
  }

  @Test("a time has a unit")
  func duration() throws {
    let kind = ValueKind.duration(.milliseconds(1) ... .seconds(7200))
    let times: [(String, Duration)] = [
      ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
      ("0.1s", .milliseconds(100)), ("1.5m", .seconds(90)),
    ]
    for (word, time) in times { #expect(try kind.read(word) == time) }
    for word in ["", "10", "s", "ms", "-1s", "0s", "3h", "1d", "1 s", "999999999999999999999s", "1us"] {
      #expect(try kind.read(word) == nil, "\(word)")
    }
    #expect(
      [1, 90_000, 3_600_000, 1500].map { kind.show(.milliseconds($0)) } == ["1ms", "90s", "1h", "1500ms"])
    #expect(kind.show(.zero) == "0s")
    #expect(kind.expected == "a time with its unit from 1ms to 2h")
  }

  @Test("one of an enumeration's cases is named by its raw value")
  func choice() throws {
    let kind = ValueKind<Soil>.choice("SOIL")
    #expect(try kind.read("wet clay") == .wetClay && kind.read("wetClay") == nil && kind.read("") == nil)
    #expect(kind.completion == .choices(["sand", "clay", "wet clay"]))
    #expect(ValueCompletion.choices(["a, b", "c"]).list == "a, b; c")
  }

  @Test("what is not to be empty is not")
  func empty() throws {
    for kind in [ValueKind.text, .file, .folder] {
      #expect(try kind.read("") == nil && kind.read(" ") == " " && kind.read("-") == "-")
    }
  }
}
