import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A topology")
struct TopologyTests {
  /// What the registry hears from everyone who calls it, by the first byte.
  private func callers(_ world: World, _ family: IPAddress.Family = .v4) async throws -> [UInt8:
    SocketAddress]
  {
    try await world.run { world in
      let registry = Probe(on: world.machine("registry"))
      let target = SocketAddress(
        world.machine("registry").address(family), port: try await registry.bind(.any(family)).port)
      for (index, machine) in world.machines.enumerated() where machine.name != "registry" {
        let probe = Probe(on: machine)
        try await probe.bind(.any(family))
        try await probe.send([UInt8(index)], to: target)
        try await machine.sleep(for: .milliseconds(60))
        await probe.close()
      }
      return Dictionary(uniqueKeysWithValues: await registry.received.map { ($0.bytes[0], $0.from) })
    }
  }

  @Test("keeps machines apart that are in one network, where it is told to")
  func isolates() async throws {
    for isolates in [false, true] {
      let world = World(seed: 1) {
        NAT("hotel", .changed { $0.isolates = isolates }) {
          Server("guest")
          Server("other")
        }
        Server("outside")
      }
      try await world.run { world in
        let client = EchoClient(on: world.machine("guest"))
        for name in ["other", "outside"] {
          let machine = world.machine(name)
          let echo = EchoServer(on: machine)
          let address = SocketAddress(machine.address(), port: try await echo.start().port)
          let answer = try? await client.call(address, with: [1], within: .seconds(1))
          #expect((answer == nil) == (isolates && name == "other"), "\(name)")
          await echo.stop()
        }
        await client.close()
      }
    }
  }

  @Test("gives who comes from another network addresses of the families that are spoken in it")
  func roaming() async throws {
    let families: [[IPAddress.Family]] = [[.v4], [.v6], [.v4, .v6]]
    for from in families {
      for to in families {
        func machine(_ name: String, _ families: [IPAddress.Family]) -> Node {
          families.count == 2 ? Server(name) : Machine(name).speaking(families[0])
        }
        let world = World(seed: 1) {
          machine("phone", from).behind(.firewall)
          machine("resident", to).behind(.firewall, named: "network")
        }
        try await world.run { world in
          world.machine("phone").roam(behind: world.box("network"))
          #expect(Set(world.machine("phone").ownAddresses.map(\.family)) == Set(to))
        }
      }
    }
  }

  @Test("of every preset lets its machines call out, but where UDP is blocked")
  func presets() async throws {
    let presets: [(String, NATConfiguration)] = [
      ("fullCone", .fullCone), ("restrictedCone", .restrictedCone),
      ("portRestrictedCone", .portRestrictedCone),
      ("symmetric", .symmetric), ("symmetricSequential", .symmetricSequential), ("firewall", .firewall),
      ("udpBlocked", .udpBlocked), ("carrierGrade", .carrierGrade),
    ]
    let world = World(seed: 3) {
      for (name, preset) in presets { Machine(name).behind(preset) }
      Server("registry")
    }
    let callers = try await callers(world)
    for (index, (name, preset)) in presets.enumerated() {
      let seen = callers[UInt8(index)]?.ip
      switch preset {
      case .udpBlocked: #expect(seen == nil)
      case .firewall: #expect(seen == world.machine(name).address(), "a firewall translates nothing")
      default: #expect(seen == world.box("\(name)'s NAT").outsideAddress)
      }
    }
  }

  @Test("may have several machines behind one NAT and several NATs in a row")
  func nesting() async throws {
    let world = World(seed: 3) {
      NAT("carrier", .carrierGrade, addresses: 2) {
        NAT("home", .symmetric) {
          Machine("alice")
          Machine("bob")
        }
        Machine("phone")
      }
      Server("registry")
    }
    #expect(world.machine("alice").address() == IPAddress(192, 168, 1, 2))
    #expect(world.machine("bob").address() == IPAddress(192, 168, 1, 3))
    #expect(world.machine("phone").address() == IPAddress(100, 64, 0, 3))
    #expect(world.box("home").outsideAddress == IPAddress(100, 64, 0, 2))
    let callers = try await callers(world)
    let carrier = [IPAddress(203, 0, 113, 1), IPAddress(203, 0, 113, 2)]
    #expect(callers.count == 3)
    #expect(callers.values.allSatisfy { carrier.contains($0.ip) })
    #expect(Set(callers.values.map(\.port)).count == 3)
  }

  @Test("may have the same private addresses inside and outside (RFC 4787, REQ-7)")
  func sameAddresses() async throws {
    let inside = try IPPrefix("192.168.1.0/24")
    let world = World(seed: 3) {
      Machine("alice").behind(.portRestrictedCone, inside: inside).behind(.fullCone, inside: inside)
      Server("registry")
    }
    #expect(try await callers(world)[0]?.ip == world.box("alice's NAT 2").outsideAddress)
  }

  @Test("routes IPv6 through NATs without translating it")
  func v6() async throws {
    let world = World(seed: 3) {
      Machine("alice").speaking(.v4, .v6).behind(.symmetric).behind(.carrierGrade)
      Server("registry")
    }
    #expect(try await callers(world, .v6)[0]?.ip == world.machine("alice").address(.v6))
  }

  @Test("loses a NAT's mappings when it reboots, and its address when it is given another")
  func reboot() async throws {
    let world = World(seed: 3) {
      Machine("alice").behind(.fullCone)
      Server("registry")
    }
    try await world.run { world in
      let registry = Probe(on: world.machine("registry"))
      let target = SocketAddress(world.machine("registry").address(), port: try await registry.bind().port)
      let alice = Probe(on: world.machine("alice"))
      try await alice.bind()
      let box = world.box("alice's NAT")

      func seen() async throws -> SocketAddress? {
        try await alice.send([1], to: target)
        try await alice.machine.sleep(for: .milliseconds(60))
        return await registry.received.last?.from
      }
      func answers(_ address: SocketAddress?) async throws -> Bool {
        let before = await alice.received.count
        try await registry.send([2], to: try #require(address))
        try await alice.machine.sleep(for: .milliseconds(60))
        return await alice.received.count > before
      }

      let first = try await seen()
      #expect(try await answers(first))
      box.reboot()
      #expect(try await !answers(first), "nobody is behind that port any more")
      #expect(try await seen()?.ip == first?.ip)
      box.reboot(renumbering: true)
      let second = try await seen()
      #expect(second?.ip == box.outsideAddress && second?.ip != first?.ip)
      #expect(try await answers(second))
      #expect(try await !answers(first))
    }
  }

  @Test("forgets everything when nothing is sent for twice the longest lifetime")
  func leak() async throws {
    let world = World(seed: 3) {
      Machine("alice").behind(.symmetric).behind(.carrierGrade)
      Server("registry")
    }
    try await world.run { world in
      let probe = Probe(on: world.machine("alice"))
      try await probe.bind()
      let target = SocketAddress(world.machine("registry").address(), port: 9)
      try await probe.send([1], to: target)
      try await probe.machine.sleep(for: .milliseconds(60))
      #expect(world.box("alice's NAT").core.mappingCount == 1)
      #expect(world.box("alice's NAT 2").core.mappingCount == 1)
      try await probe.machine.sleep(for: .seconds(600))
      for box in [world.box("alice's NAT"), world.box("alice's NAT 2")] {
        #expect(box.core.mappingCount == 0 && box.core.filterCount == 0)
        #expect(box.core.nextDeadline == nil)
      }
      await probe.close()
    }
  }

  @Test("connects over TCP through NATs, and opens from both sides at once where the ports are known")
  func tcpThroughNATs() async throws {
    let world = World(seed: 5) {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.portRestrictedCone)
      Server("registry")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      // These NATs keep ports, so that each knows where the other will appear.
      func call(_ machine: SimulatedMachine, _ own: UInt16, _ peer: SocketAddress) -> Task<
        [UInt8]?, any Error
      > {
        machine.spawn("call") {
          var options = TCPOptions()
          options.localAddress = .any(.v4, port: own)
          let connection = try await machine.connectTCP(to: peer, options: options)
          try await connection.write(Array(machine.name.utf8))
          try connection.finish()
          return try await connection.read()
        }
      }
      let toBob = call(alice, 4001, SocketAddress(world.box("bob's NAT").outsideAddress, port: 4002))
      let toAlice = call(bob, 4002, SocketAddress(world.box("alice's NAT").outsideAddress, port: 4001))
      let heard = [try await toBob.value, try await toAlice.value]
      #expect(heard == [Array("bob".utf8), Array("alice".utf8)])
    }
  }
}
