import Foundation
import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A run")
struct DeterminismTests {
  /// Machines behind all kinds of NATs, on links that do all that links can, that talk all at once.
  private func crowd(seed: UInt64) async throws -> Trace {
    let presets: [NATConfiguration] = [
      .fullCone, .restrictedCone, .portRestrictedCone, .symmetric, .symmetricSequential, .firewall,
      .udpBlocked, .linuxMasquerade(input: .accept),
    ]
    let link = changed(LinkConfiguration(latency: .milliseconds(10))) {
      $0.jitter = .milliseconds(5)
      $0.loss = 0.03
      $0.burstLoss = LinkConfiguration.BurstLoss(begins: 0.005, ends: 0.2)
      $0.reordering = 0.05
      $0.duplication = 0.02
      $0.bitsPerSecond = 20_000_000
    }
    let world = World(seed: seed) {
      for (index, preset) in presets.enumerated() {
        Machine("m\(index)").speaking(.v4, .v6).behind(preset).linked(link)
        NAT("carrier \(index)", .carrierGrade) {
          Machine("p\(index)").behind(preset)
          Machine("q\(index)")
        }.linked(link)
      }
      Server("registry")
    }
    try await world.run { world in
      let registry = world.machine("registry")
      let echo = EchoServer(on: registry)
      let port = try await echo.start().port
      try await withThrowingTaskGroup(of: Void.self) { group in
        for machine in world.machines where machine !== registry {
          group.addTask {
            let address = try await machine.resolve("registry").first { $0.family == .v4 }!
            let target = SocketAddress(address, port: port)
            let client = EchoClient(on: machine)
            var chance = machine.random
            for _ in 0..<5 {
              _ = try? await client.call(target, with: machine.randomBytes(200), within: .seconds(2))
              try await machine.sleep(for: .milliseconds(Int.random(in: 0..<50, using: &chance)))
            }
            _ = try? await client.callOverTCP(target, with: machine.randomBytes(30_000))
            await client.close()
          }
        }
        try await group.waitForAll()
      }
    }
    return world.trace
  }

  private static let seedOfProcesses: UInt64 = 99

  @Test("says what it comes to, for another process to compare")
  func says() async throws {
    let trace = try await crowd(seed: DeterminismTests.seedOfProcesses)
    #expect(trace.count > 5000)
    print(
      "trace \(trace.count) \(String(trace.hash, radix: 16)) checkpoints \(trace.checkpoints.hashedForTests)")
  }

  @Test("is the same in another process, event by event")
  func isSameInAnotherProcess() async throws {
    func hash() throws -> Substring {
      let process = Process()
      process.executableURL = URL(filePath: CommandLine.arguments[0])
      process.arguments = ["--testing-library", "swift-testing", "--filter", "DeterminismTests/says"]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = FileHandle.nullDevice
      try process.run()
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return try #require(output.split(separator: "\n").first { $0.hasPrefix("trace ") }, "\(output)")
    }
    let first = try hash()
    #expect(try hash() == first)
    let here = try await crowd(seed: DeterminismTests.seedOfProcesses)
    #expect(first.contains(" \(String(here.hash, radix: 16)) "))
  }

  @Test("is to the letter what it was when its trace was written down")
  func isAsWrittenDown() async throws {
    let world = World(seed: 7) {
      Machine("alice").behind(.symmetric)
      Machine("bob").behind(.fullCone).behind(.carrierGrade)
      Server("registry")
    }
    try await world.run { world in
      let (alice, bob, registry) = (world.machine("alice"), world.machine("bob"), world.machine("registry"))
      let rendezvous = EchoServer(on: registry)
      let address = SocketAddress(registry.address(), port: try await rendezvous.start().port)
      let echo = EchoServer(on: bob)
      try await echo.start()
      try await echo.greet(address)
      try await bob.sleep(for: .milliseconds(100))
      let seen = try #require(await rendezvous.lastCaller)
      let client = EchoClient(on: alice)
      _ = try await client.call(seen, with: Array("Hello, Bob!".utf8))
      _ = try await client.callOverTCP(address, with: Array(repeating: 42, count: 4000))
    }
    let file = Folder.repository + "/Fixtures/Traces/two-nats-seed-7.txt"
    // Written anew when the simulator is meant to behave otherwise: WARREN_WRITE_FIXTURES=1 make test
    if ProcessInfo.processInfo.environment["WARREN_WRITE_FIXTURES"] != nil {
      try world.trace.description.write(toFile: file, atomically: true, encoding: .utf8)
    }
    let written = try #require(Folder.text(of: file))
    #expect(world.trace.description == written)
    #expect(written.split(separator: "\n").count > 30)
  }

  @Test("is another one for each seed")
  func differsBySeed() async throws {
    var hashes: Set<UInt64> = []
    for seed in 1...5 as ClosedRange<UInt64> { hashes.insert(try await crowd(seed: seed).hash) }
    #expect(hashes.count == 5)
  }

  @Test("runs ready jobs in orders that differ from seed to seed, so that races show")
  func exploresOrders() async throws {
    var orders: Set<[Int]> = []
    for seed in 1...40 as ClosedRange<UInt64> {
      let world = World(seed: seed) { Server("a") }
      let order = try await world.run { world in
        let list = Guarded<[Int]>([])
        await withTaskGroup(of: Void.self) { group in
          for index in 0..<3 { group.addTask { list.withLock { $0.append(index) } } }
        }
        return list.withLock { $0 }
      }
      orders.insert(order)
    }
    #expect(orders.count == 6, "all orders of three")
  }

  @Test("gives every machine a clock of its own")
  func clocks() async throws {
    let world = World(seed: 1) {
      Server("a")
      Server("b")
    }
    try await world.run { world in
      let (a, b) = (world.machine("a"), world.machine("b"))
      #expect(a.now != b.now)
      let (startA, startB) = (a.now, b.now)
      try await a.sleep(until: startA.advanced(by: .milliseconds(7)))
      #expect(startA.duration(to: a.now) == .milliseconds(7))
      #expect(startB.duration(to: b.now) == .milliseconds(7))
      #expect(b.timeSince1970 == a.timeSince1970)
      b.clockError = .seconds(3600)
      #expect(b.timeSince1970 - a.timeSince1970 == .seconds(3600))
    }
  }

  @Test("ends when it spins, or goes on for too long")
  func bounds() async throws {
    var configuration = World.Configuration()
    configuration.longestRun = .seconds(60)
    let world = World(seed: 1, configuration: configuration) { Server("a") }
    let error = await #expect(throws: RunError.self) {
      try await world.run { world in
        while true { try await world.machine("a").sleep(for: .seconds(1)) }
      }
    }
    guard case .ranTooLong = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}

extension [UInt64] {
  /// A number that differs where the list does, and is the same in every process.
  fileprivate var hashedForTests: UInt64 { reduce(1) { ($0 &* 31) &+ $1 } }
}
