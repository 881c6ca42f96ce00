import Testing
import WarrenMachine

@testable import WarrenQUIC

@Suite("Streams of one QUIC connection")
struct PriorityTests {
  /// How much of the others has arrived when the first stream has ended, each of them having so much to send.
  private func others(
    than first: Int, of priorities: [Int], size: Int, raised: Int? = nil
  ) throws -> [Int] {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    var arrived: [Int64: Int] = [:]
    lab.onTouched = { side, stream in
      if side == 1 { arrived[stream.id, default: 0] += stream.read().count }
    }
    let streams = try priorities.map { priority in
      let stream = try #require(try client.openStream(isBidirectional: false))
      stream.priority = priority
      return stream
    }
    for stream in streams {
      #expect(try stream.write([UInt8](repeating: 1, count: size).span.bytes) == size)
      try stream.finish()
    }
    lab.drain()
    if let raised {
      lab.run(for: .milliseconds(25))
      streams[first].priority = raised
    }
    lab.run(for: .seconds(30)) { arrived[streams[first].id] == size }
    #expect(arrived[streams[first].id] == size)
    let others = streams.indices.filter { $0 != first }.map { arrived[streams[$0].id] ?? 0 }
    lab.run(for: .seconds(30)) { arrived.values.reduce(0, +) == size * streams.count }
    #expect(arrived.values.allSatisfy { $0 == size } && arrived.count == streams.count)
    return others
  }

  @Test("take turns")
  func equals() throws {
    let others = try others(than: 1, of: [0, 0, 0], size: 200_000)
    #expect(others.allSatisfy { $0 > 180_000 }, "\(others)")
  }

  @Test("let those with a higher priority go first")
  func priorities() throws {
    let others = try others(than: 2, of: [0, 1, 2, -1], size: 200_000)
    // Behind the last packets of the first, those of the next are on their way.
    #expect(others[0] == 0 && others[1] < 50_000 && others[2] == 0, "\(others)")
  }

  @Test("let one pass whose priority is raised while it waits")
  func raised() throws {
    let others = try others(than: 3, of: [0, 0, 0, 0], size: 200_000, raised: 5)
    #expect(others.allSatisfy { $0 < 100_000 }, "\(others)")
  }
}
