import CGnuTLS
import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenTLS

@Suite("Bytes over TLS")
struct BytesTests {
  @Test("arrive whole, however the wire cuts them", arguments: 0..<30 as Range<UInt64>)
  func cuts(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let lab = try TLSLaboratory(seed: seed)
    let longest = [1, 2, 7, 100, 20_000][Int(seed % 5)]
    lab.piece = { Int.random(in: 1...longest, using: &random) }
    try lab.open()
    var written: [[UInt8]] = [[], []]
    for _ in 0..<20 {
      let side = Int.random(in: 0...1, using: &random)
      let bytes = random.bytes(Int.random(in: 1...(longest < 100 ? 300 : 40_000), using: &random))
      try lab.write(bytes, side)
      written[1 - side] += bytes
    }
    #expect(lab.heard == written)
  }

  @Test("go both ways at once, 10 MB each, through readers who take their time, within the limits")
  func large() throws {
    let size = 10_000_000
    var random = SeededRandom(3)
    let lab = try TLSLaboratory()
    lab.window = 100_000
    try lab.open()
    let bytes = [random.bytes(size), random.bytes(size)]
    var written = [0, 0]
    var refusals = 0
    var most = (incoming: 0, outgoing: 0)
    while lab.heard[0].count < size || lab.heard[1].count < size {
      for side in 0...1 {
        let chunk = bytes[side][written[side]..<min(size, written[side] + 300_000)]
        let count = try lab.say(Array(chunk), side)
        written[side] += count
        if count == 0 { refusals += 1 }
        most.outgoing = max(most.outgoing, lab.cores[side].outgoingCount)
      }
      lab.run()
      most.incoming = max(most.incoming, lab.cores.map(\.incomingCount).max()!)
      for side in 0...1 { lab.read(side, atMost: Int.random(in: 1...50_000, using: &random)) }
      #expect(lab.errors == [nil, nil])
    }
    #expect(lab.heard[0] == bytes[1] && lab.heard[1] == bytes[0])
    #expect(refusals > 0, "writers wait for readers")
    #expect(most.incoming <= TLSLimits.incomingBytes && most.outgoing <= TLSLimits.outgoingBytes)
    #expect(lab.cores.map(\.incomingCount) == [0, 0] && lab.cores.map(\.outgoingCount) == [0, 0])
  }

  @Test("that nobody takes fill a bounded room, and no more, and there is still room for a last word")
  func bounded() throws {
    let lab = try TLSLaboratory()
    try lab.open()
    let chunk = [UInt8](repeating: 5, count: 1_000_000)
    // Nothing leaves.
    var written = 0
    while case let count = try lab.say(chunk, 0), count > 0 { written += count }
    #expect(written == 4 * TLSLimits.recordBytes && lab.client.outgoingCount <= TLSLimits.outgoingBytes)
    // Nobody reads, and a flood comes.
    for _ in 0..<10 {
      lab.take(from: 0)
      written += try lab.say(chunk, 0)
    }
    while lab.deliver(from: 0) > 0 {}
    #expect(lab.server.incomingCount == TLSLimits.incomingBytes && !lab.onTheWay[0].isEmpty)
    #expect(lab.client.outgoingCount > 4 * TLSLimits.recordBytes)
    try lab.client.finish()
    #expect(lab.client.outgoingCount <= TLSLimits.outgoingBytes)
    lab.drain()
    #expect(lab.heard[1].count == written)
    #expect(throws: Never.self) { try #require(lab.ends[1]).get() }
  }

  @Test("that are none at all may come, but not without end")
  func silence() throws {
    let lab = try TLSLaboratory()
    try lab.open()
    func say(nothing pad: Int) {
      // Records that are padding alone hide when somebody speaks (RFC 8446, 5.4).
      #expect(gnutls_record_send2(lab.client.session, [7], 0, pad, 0) >= 0)
      lab.drain()
    }
    for _ in 0..<100 {
      for _ in 0..<5 { say(nothing: 10_000) }
      try lab.write([1], 0)
    }
    #expect(lab.heard[1].count == 100)
    var count = 0
    while lab.errors[1] == nil, count < 100 {
      say(nothing: 10_000)
      count += 1
    }
    #expect(lab.errors[1]?.code == .alert(50) && count == TLSLimits.silentBytes / 10_000 + 1)
  }

  @Test("end in good order, one side after the other")
  func ends() throws {
    let lab = try TLSLaboratory()
    try lab.open()
    try lab.write([1, 2, 3], 0)
    try lab.client.finish()
    try lab.client.finish()
    #expect(throws: TLSError(.closed)) { try lab.say([4], 0) }
    lab.drain()
    #expect(lab.heard[1] == [1, 2, 3] && lab.ends[1] != nil && lab.ends[0] == nil)
    #expect(lab.phases == [.open, .open])
    // The other side may still write.
    try lab.write([5, 6], 1)
    #expect(lab.heard[0] == [5, 6])
    try lab.server.finish()
    lab.drain()
    #expect(lab.phases == [.ended(nil), .ended(nil)])
    #expect(throws: TLSError(.closed)) { try lab.say([4], 1) }
    // That TCP ends too changes nothing.
    for core in lab.cores { core.receiveEnd() }
    lab.ends = [nil, nil]
    lab.drain()
    for end in lab.ends { #expect(throws: Never.self) { try #require(end).get() } }
  }

  @Test("that are cut off anywhere are not taken for all of them")
  func truncated() throws {
    let lab = try TLSLaboratory()
    try lab.open()
    var wire: [UInt8] = []
    for text in ["first", "second"] {
      try lab.say(Array(text.utf8), 0)
      lab.take(from: 0)
    }
    try lab.client.finish()
    lab.take(from: 0)
    wire = lab.onTheWay[0]
    for place in stride(from: 0, to: wire.count, by: 1) {
      // The same keys never come again: so each place is one connection's.
      let lab = try TLSLaboratory()
      try lab.open()
      for text in ["first", "second"] { try lab.say(Array(text.utf8), 0) }
      try lab.client.finish()
      lab.take(from: 0)
      #expect(lab.onTheWay[0].count == wire.count)
      lab.onTheWay[0] = Array(lab.onTheWay[0].prefix(place))
      lab.drain()
      lab.server.receiveEnd()
      lab.drain()
      #expect("firstsecond".hasPrefix(String(decoding: lab.heard[1], as: UTF8.self)))
      #expect(lab.errors[1] == TLSError(.truncated))
      #expect(throws: TLSError(.truncated)) { try #require(lab.ends[1]).get() }
    }
  }

  @Test("that end in the handshake end it", arguments: [0, 1])
  func truncatedHandshake(side: Int) throws {
    let whole = try TLSLaboratory()
    try whole.open()
    for place in stride(from: 0, to: whole.sent[side], by: 5) {
      let lab = try TLSLaboratory()
      lab.tap = { from, offset, bytes in
        if from == side { bytes = Array(bytes.prefix(max(0, place - offset))) }
      }
      lab.run()
      lab.cores[1 - side].receiveEnd()
      lab.drain()
      // What a client says last is all that its own handshake needs.
      #expect(lab.errors[1 - side] == TLSError(.truncated))
    }
  }

  @Test(
    "of which one was changed on the way end the connection, and none is given out wrong", arguments: [0, 1])
  func changed(side: Int) throws {
    let text = Array("What goes over the wire is what arrives, or nothing is.".utf8)
    func dialogue(_ lab: TLSLaboratory) {
      lab.run()
      for core in lab.cores where core.phase == .open {
        _ = try? core.write(text.span.bytes)
        try? core.finish()
      }
      lab.drain()
      for core in lab.cores { core.receiveEnd() }
      lab.drain()
    }
    let whole = try TLSLaboratory()
    var wire: [UInt8] = []
    whole.tap = { from, _, bytes in if from == side { wire += bytes } }
    dialogue(whole)
    #expect(whole.phases == [.ended(nil), .ended(nil)] && whole.heard == [text, text])
    var random = SeededRandom(UInt64(side))
    var harmless: [Int] = []
    for place in 0..<whole.sent[side] {
      let lab = try TLSLaboratory()
      lab.tap = { from, offset, bytes in
        guard from == side, bytes.indices.contains(place - offset) else { return }
        bytes[place - offset] ^= 1 << UInt8.random(in: 0...7, using: &random)
      }
      dialogue(lab)
      for heard in lab.heard { #expect(text.starts(with: heard), "byte \(place) changed") }
      if lab.errors == [nil, nil] { harmless.append(place) }
    }
    // To the version that a record says it has nobody is to pay attention (RFC 8446, 5.1); its outer type GnuTLS does not
    // always check, which decides nothing, since the inner one is protected.
    #expect(Set(harmless).isSubset(of: Self.labels(in: wire)))
  }

  /// Where the records on a wire say of what type and version they are.
  private static func labels(in wire: [UInt8]) -> Set<Int> {
    var places: Set<Int> = []
    var start = 0
    while start < wire.count {
      places.formUnion(start..<start + 3)
      start += 5 + Int(wire[start + 3]) << 8 + Int(wire[start + 4])
    }
    return places
  }

  @Test("are given out up to where one was changed, and then no more", arguments: 0..<20 as Range<UInt64>)
  func changedLater(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let lab = try TLSLaboratory(seed: seed)
    try lab.open()
    let bytes = random.bytes(200_000)
    let place = lab.sent[0] + Int.random(in: 0..<200_000, using: &random)
    lab.tap = { side, offset, bytes in
      guard side == 0, bytes.indices.contains(place - offset) else { return }
      bytes[place - offset] ^= 1 << UInt8.random(in: 0...7, using: &random)
    }
    var written = 0
    while written < bytes.count, lab.client.phase == .open {
      written += try lab.client.write(bytes.span.bytes.extracting(droppingFirst: written))
      lab.drain()
      if lab.errors[1] != nil { break }
    }
    lab.server.receiveEnd()
    lab.drain()
    #expect(bytes.starts(with: lab.heard[1]) && lab.heard[1].count < bytes.count)
    let error = try #require(lab.errors[1])
    // A length that was changed to be larger waits for bytes that never come.
    #expect([.alert(20), .alert(22), .alert(10), .truncated].contains(error.code), "\(error)")
  }

  @Test("of a connection that was let go leave nothing behind")
  func leaks() throws {
    nonisolated(unsafe) var cores: [() -> TLSCore?] = []
    for place in 0..<3 {
      let lab = try TLSLaboratory()
      if place > 0 { try lab.open() }
      if place > 1 { lab.server.abandon() }
      for core in lab.cores { cores.append { [weak core] in core } }
    }
    #expect(cores.count == 6 && cores.allSatisfy { $0() == nil })
  }
}
