import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A captive portal")
struct CaptivityTests {
  private static let host = SocketAddress(NATLaboratory.x1, port: 4000)
  private static let portal = SocketAddress(NATLaboratory.z, port: 80)
  private static let remote = SocketAddress(NATLaboratory.y, port: 443)

  private func segment(_ from: SocketAddress, _ to: SocketAddress, _ flags: TCPSegment.Flags) -> Packet {
    Packet(from: from, to: to, .tcp(TCPSegment(flags, sequence: 1)))
  }

  @Test("answers TCP in everybody's name, and lets nothing else pass until it is opened")
  func holds() throws {
    var lab = NATLaboratory(.fullCone)
    let mapped = lab.send(Self.host, to: Self.remote)
    let seen = try #require(mapped)
    lab.nat.hold(for: Self.portal)
    #expect(lab.send(Self.host, to: Self.remote) == nil && lab.drop == .captive)
    #expect(lab.answer(Self.remote, to: seen) == nil && lab.drop == .captive)
    lab.put(segment(Self.host, Self.remote, .syn), from: .inside)
    let sent = try #require(lab.packets(toward: .outside).first)
    #expect(sent.destination == Self.portal)
    lab.put(segment(Self.portal, sent.source, [.syn, .ack]), from: .outside)
    #expect(lab.packets(toward: .inside).first?.source == Self.remote)
    lab.nat.reboot(at: lab.now)
    #expect(lab.send(Self.host, to: Self.remote) == nil, "a box that has rebooted lets everybody through")
    lab.nat.hold(for: nil)
    #expect(lab.send(Self.host, to: Self.remote) != nil)
    lab.put(segment(Self.host, Self.remote, .syn), from: .inside)
    #expect(lab.packets(toward: .outside).first?.destination == Self.remote)
  }

  @Test("shows its page to whoever calls, remembers what was said, and no more than it may")
  func page() async throws {
    let world = World(seed: 1) {
      NAT("hotel", .portRestrictedCone) { Machine("guest") }
      Machine("page")
      Machine("somebody")
    }
    try await world.run { world in
      let (page, guest) = (world.machine("page"), world.machine("guest"))
      let portal = PortalServer(on: page, remembering: 6)
      let address = SocketAddress(page.address(), port: 80)
      try await portal.start(at: address)
      world.box("hotel").hold(for: address)
      let remote = SocketAddress(world.machine("somebody").address(), port: 443)
      for _ in 0..<2 {
        let connection = try await guest.connectTCP(to: remote)
        try await connection.write(Array("open".utf8))
        let answer = String(decoding: try await connection.read() ?? [], as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 302 "))
        connection.close()
      }
      #expect(await portal.heard == Array("openop".utf8))
      await portal.stop()
    }
  }
}
