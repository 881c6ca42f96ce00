import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's users from a file")
struct RelayUsersTests {
  private let client = RelayScene.client()
  private static func udp(_ writer: inout STUNMessageWriter) { writer.put(.requestedTransport, 17 << 24) }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func key(_ name: String, _ password: String, _ function: HashFunction = .md5) -> String {
    "0x" + hex(function.hash(Array("\(name):warren:\(password)".utf8)))
  }

  private static func credentials(_ text: String) throws(RelayUsersError) -> RelayCredentials {
    try RelayCredentials(file: Array(text.utf8))
  }

  @Test("are names and passwords or keys, a line each, whatever is in a password")
  func lines() throws {
    let text =
      "# who may\n\nalice:open sesame\r\nbob:a:b#c \ncarol:\(Self.key("carol", "x").uppercased().replacing("0X", with: "0x"))\n"
      + "dave:\(Self.key("dave", "y"))\ndave:\(Self.key("dave", "y", .sha256))\njürgen:grün"
    let credentials = try Self.credentials(text)
    #expect(credentials.users == ["alice": "open sesame", "bob": "a:b#c ", "jürgen": "grün"])
    #expect(credentials.keys.keys.sorted() == ["carol", "dave"])
    #expect(credentials.keys["carol"]?.md5 == HashFunction.md5.hash(Array("carol:warren:x".utf8)))
    #expect(credentials.keys["carol"]?.sha256 == nil && credentials.keys["dave"]?.sha256?.count == 32)
    #expect(try Self.credentials("").users.isEmpty && Self.credentials("\n\n#a:b\n").users.isEmpty)
  }

  @Test("are refused with the line that is wrong, and why")
  func wrong() throws {
    let good = "# all of them\nalice:secret\n"
    let cases: [(String, RelayUsersError.Code)] = [
      ("nobody", .noColon), (":secret", .badName), (String(repeating: "x", count: 509) + ":y", .badName),
      ("bob:", .noPassword), ("bob:0x", .badKey), ("bob:0x12", .badKey),
      ("bob:0x" + String(repeating: "g", count: 32), .badKey),
      ("bob:0x" + String(repeating: "1", count: 33), .badKey),
      ("alice:other", .twice), ("alice:" + Self.key("alice", "x"), .twice), (" ", .noColon),
    ]
    for (line, code) in cases {
      let error = #expect(throws: RelayUsersError.self) { try Self.credentials(good + line + "\nlast:one\n") }
      #expect(error == RelayUsersError(code, line: 3), "\(line)")
      #expect(error.map { "\($0)".hasPrefix("line 3 ") } == true)
    }
    let twice = "bob:" + Self.key("bob", "x") + "\n"
    #expect(throws: RelayUsersError(.twice, line: 2)) { try Self.credentials(twice + twice) }
    #expect(throws: RelayUsersError(.notText, line: 1)) {
      try RelayCredentials(file: [0x61, 0x3A, 0xFF, 0xFE])
    }
    let crowd = (0...RelayLimits.users).map { "u\($0):p" }.joined(separator: "\n")
    #expect(throws: RelayUsersError(.tooMany, line: RelayLimits.users + 1)) { try Self.credentials(crowd) }
  }

  @Test("does not break on any bytes", arguments: 0..<8 as Range<UInt64>)
  func chance(seed: UInt64) {
    var random = SeededRandom(seed)
    let letters = Array("ab:0x\n\r# 19fF\u{FF}".utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
        letters[Int.random(in: 0..<letters.count, using: &random)]
      }
      _ = try? RelayCredentials(file: bytes)
    }
  }

  @Test("prove themselves by a password whose key alone the server has, in both ways where it has both")
  func keys() throws {
    let both = "alice:\(Self.key("alice", "secret"))\nalice:\(Self.key("alice", "secret", .sha256))"
    let scene = RelayScene()
    scene.core.use(try Self.credentials(both))
    for (number, algorithm) in [nil, STUNPasswordAlgorithm.md5, .sha256].enumerated() {
      try scene.allocate(RelayScene.client(number), as: RelayScene.User(algorithm: algorithm))
    }
    let wrong = RelayScene.User(password: "other")
    #expect(try scene.refusal(.allocate, from: RelayScene.client(9), as: wrong, Self.udp) == .unauthenticated)
    // Where there is a key of the old way alone, nobody is asked for another.
    let old = RelayScene()
    old.core.use(try Self.credentials("alice:\(Self.key("alice", "secret"))"))
    let answer = try #require(try old.say(old.request(.allocate), from: client))
    #expect(try answer.value(.passwordAlgorithms) == RelayGate.oldAlgorithms)
    try old.allocate(client)
  }

  @Test("are read again, and no allocation ends: who is not listed any more cannot prolong his")
  func reload() throws {
    let scene = RelayScene()
    scene.core.use(try Self.credentials("alice:secret\nbob:hidden\n"))
    let bob = RelayScene.User(name: "bob", password: "hidden")
    let second = RelayScene.client(2)
    try scene.allocate(client)
    try scene.allocate(second, as: bob)
    // Alice has another password, and bob has gone.
    scene.core.use(try Self.credentials("alice:changed\ncarol:new\n"))
    #expect(scene.core.allocationCount == 2)
    #expect(try scene.ask(.refresh, from: client).error == nil)
    #expect(try scene.permit(RelayScene.peer, from: client) == nil)
    #expect(try scene.refusal(.refresh, from: second, as: bob) == .unauthenticated)
    // What was known of the old passwords is forgotten.
    let third = RelayScene.client(3)
    #expect(try scene.refusal(.allocate, from: third, Self.udp) == .unauthenticated)
    #expect(try scene.refusal(.allocate, from: third, as: bob, Self.udp) == .unauthenticated)
    try scene.allocate(third, as: RelayScene.User(password: "changed"))
    try scene.allocate(RelayScene.client(4), as: RelayScene.User(name: "carol", password: "new"))
    scene.pass(.seconds(599))
    #expect(scene.core.allocationCount == 4)
    scene.pass(.seconds(1))
    #expect(scene.core.slot(of: second) == nil)
  }

  @Test("who has begun with what was offered before goes on after the list was read again")
  func offers() throws {
    let scene = RelayScene()
    let user = RelayScene.User(algorithm: .sha256, function: .sha256)
    try scene.allocate(client, as: user)
    scene.core.use(try Self.credentials("alice:secret\nbob:\(Self.key("bob", "x"))\n"))
    #expect(try scene.ask(.refresh, from: client, as: user).error == nil)
  }

  @Test("have 10 MB/s for each allocation unless somebody says otherwise, and none for all together")
  func bandwidth() throws {
    #expect(RelayConfiguration().bandwidth == 10_000_000 && RelayConfiguration().totalBandwidth == nil)
    let scene = RelayScene()
    let slots = try (1...3).map {
      try scene.allocate(RelayScene.client($0))
      let slot = scene.core.slot(of: RelayScene.client($0))
      return try #require(slot)
    }
    var passed = [0, 0, 0]
    for _ in 0..<10_000 {
      scene.pass(.milliseconds(1))
      // 24 MB/s are asked for, each.
      for (number, slot) in slots.enumerated() {
        for _ in 0..<20 where scene.core.spend(1_200, of: slot, at: scene.now) { passed[number] += 1_200 }
      }
    }
    #expect(passed.allSatisfy { $0 > 99_000_000 && $0 < 104_000_000 }, "\(passed)")
    let free = RelayScene { $0.bandwidth = nil }
    try free.allocate(client)
    let found = free.core.slot(of: client)
    let slot = try #require(found)
    let all = (0..<100_000).filter { _ in free.core.spend(1_200, of: slot, at: free.now) }
    #expect(all.count == 100_000)
  }
}
