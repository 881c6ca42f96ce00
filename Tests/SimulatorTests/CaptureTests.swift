import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A capture")
struct CaptureTests {
  /// Alice behind a NAT and a bad link asks a server things over UDP and TCP.
  private func world(seed: UInt64 = 1) -> World {
    World(seed: seed) {
      Machine("alice").behind(.portRestrictedCone).linked(changed(.access) { $0.loss = 0.1 })
      Server("bob")
    }
  }

  private final class Bytes: @unchecked Sendable {
    // Written and read on one thread after the other.
    var all: [UInt8] = []
  }

  private func run(
    _ world: World, at places: Set<String>? = nil, secret: String? = nil
  ) async throws -> (file: PcapngFile, bytes: [UInt8]) {
    let bytes = Bytes()
    let capture = Capture(of: world, at: places, comment: "a test") { bytes.all += $0 }
    try await talk(in: world) { if let secret { capture.take(secret: secret) } }
    capture.finish()
    return (try PcapngFile(bytes.all), bytes.all)
  }

  private func talk(in world: World, _ meanwhile: @escaping @Sendable () -> Void = {}) async throws {
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      let target = SocketAddress(bob.address(), port: try await EchoServer(on: bob).start().port)
      let client = EchoClient(on: alice)
      for size in [100, 1472] {
        for _ in 0..<10 {
          _ = try? await client.call(target, with: alice.randomBytes(size), within: .milliseconds(200))
        }
      }
      meanwhile()
      _ = try await client.callOverTCP(target, with: alice.randomBytes(20_000))
      let probe = Probe(on: bob)
      try await probe.bind()
      // Nobody has asked for these: the NAT drops the one, and nobody has the other's address.
      try await probe.send([1], to: SocketAddress(world.box("alice's NAT").outsideAddress, port: 9))
      try await probe.send([2], to: SocketAddress(IPAddress(203, 0, 113, 200), port: 9))
      try await bob.sleep(for: .seconds(1))
      await client.close()
    }
  }

  @Test("has an interface for each machine, two for each NAT, and one for the internet")
  func interfaces() async throws {
    let file = try await run(world()).file
    #expect(file.interfaces == ["alice", "bob", "alice's NAT, inside", "alice's NAT, outside", "internet"])
    #expect(file.comment == "a test")
  }

  @Test("has each packet where it leaves and where it arrives, at its time, with its number on all its way")
  func sightings() async throws {
    let file = try await run(world()).file
    let epoch = UInt64(SimulatorLimits.epoch.wholeNanoseconds)
    #expect(file.packets[0].time == epoch && file.packets.map(\.time) == file.packets.map(\.time).sorted())
    #expect(file.packets.last!.time > epoch + 1_000_000_000)
    // The first that alice sends and bob gets.
    let got = Set(file.packets.filter { $0.interface == "bob" && !$0.isOutgoing }.map(\.number))
    let number = try #require(file.packets.first { $0.interface == "alice" && got.contains($0.number) })
      .number
    let first = file.packets.filter { $0.number == number }
    #expect(
      first.map(\.interface) == ["alice", "alice's NAT, inside", "alice's NAT, outside", "bob"])
    #expect(first.map(\.isOutgoing) == [true, false, true, false])
    #expect(first[3].time == first[0].time + 25_000_000)
    // The NAT has changed whence it comes.
    #expect(first[1].bytes[12..<16] == [192, 168, 1, 2] && first[2].bytes[12..<16] == [203, 0, 113, 1])
  }

  @Test("says of each packet that is dropped where and why, and shows no packet twice for that")
  func drops() async throws {
    let world = world()
    let file = try await run(world).file
    let dropped = world.trace.events.count { if case .dropped = $0.happening { true } else { false } }
    #expect(file.packets.count { $0.comment != nil } == dropped)
    func comments(_ interface: String) -> Set<String?> {
      Set(file.packets.filter { $0.interface == interface && $0.comment != nil }.map(\.comment))
    }
    #expect(comments("alice's NAT, outside").contains("dropped by alice's NAT: nobody inside has this port"))
    #expect(comments("alice's NAT, outside").contains("dropped by alice's NAT: lost on the link"))
    #expect(comments("internet").contains("dropped in the internet: lost on the link"))
    #expect(comments("internet").contains("dropped in the internet: no way there from this network"))
    for packet in file.packets {
      let same = file.packets.filter {
        $0.number == packet.number && $0.interface == packet.interface && $0.bytes == packet.bytes
          && $0.isOutgoing == packet.isOutgoing
      }
      #expect(same.count == 1)
    }
  }

  @Test("has the parts of what was cut, and not the whole")
  func parts() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob").linked(changed(.access) { $0.mtu = 1280 })
    }
    let bytes = Bytes()
    let capture = Capture(of: world) { bytes.all += $0 }
    try await world.run { world in
      let (alice, bob) = (Probe(on: world.machine("alice")), Probe(on: world.machine("bob")))
      let port = try await bob.bind().port
      try await alice.bind { $0.allowsFragmentation = true }
      let target = SocketAddress(world.machine("bob").address(), port: port)
      try await alice.send(Array(repeating: 7, count: 3000), to: target)
      try await alice.machine.sleep(for: .seconds(1))
      #expect(await bob.received.count == 1)
    }
    capture.finish()
    let file = try PcapngFile(bytes.all)
    #expect(file.packets.filter { $0.interface == "alice" }.map(\.bytes.count) == [1500, 1500, 68])
    #expect(file.packets.filter { $0.interface == "bob" }.allSatisfy { $0.bytes.count <= 1280 })
  }

  @Test("has a secret before everything that is encrypted with it")
  func secrets() async throws {
    let file = try await run(world(), secret: "LABEL 00 11").file
    #expect(file.secrets == ["LABEL 00 11\n"])
    let opening = try #require(file.packets.first { $0.bytes[9] == 6 })
    #expect(opening.secretsBefore == 1 && file.packets[0].secretsBefore == 0)
  }

  @Test("of one place has what is seen there, and nothing else")
  func places() async throws {
    let (all, one) = (try await run(world()).file, try await run(world(), at: ["alice"]).file)
    #expect(one.interfaces == ["alice"])
    #expect(one.packets.map(\.bytes) == all.packets.filter { $0.interface == "alice" }.map(\.bytes))
    let box = try await run(world(), at: ["alice's NAT"]).file
    #expect(box.interfaces == ["alice's NAT, inside", "alice's NAT, outside"] && !box.packets.isEmpty)
  }

  @Test("is the same for the same seed, and changes nothing in the run", arguments: [1, 2, 3] as [UInt64])
  func determinism(seed: UInt64) async throws {
    let (watched, again, alone) = (world(seed: seed), world(seed: seed), world(seed: seed))
    let (one, other) = (try await run(watched), try await run(again))
    try await talk(in: alone)
    #expect(one.bytes == other.bytes)
    #expect(watched.trace.hash == alone.trace.hash && watched.trace.count == alone.trace.count)
  }
}
