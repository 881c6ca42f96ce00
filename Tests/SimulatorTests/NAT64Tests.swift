import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("NAT64")
struct NAT64Tests {
  private static let host = SocketAddress(IPAddress(v6: 0x2001_0DB8_0001_0000, 5), port: 4000)
  private static let other = SocketAddress(IPAddress(v6: 0x2001_0DB8_0001_0000, 6), port: 4000)

  private func laboratory(_ change: (inout NATConfiguration) -> Void = { _ in }) throws -> NATLaboratory {
    NATLaboratory(
      NATConfiguration.restrictedCone.changed {
        $0.translatesIPv6 = true
        change(&$0)
      }, outside: [NATLaboratory.outsideAddress, try IPAddress("2001:db8:9::1")],
      inside: [
        IPPrefix(IPAddress(192, 168, 1, 0), length: 24), IPPrefix(try IPAddress("2001:db8:1::"), length: 64),
      ])
  }

  /// An IPv4 host as those inside call it.
  private func inside(_ ip: IPAddress, _ port: UInt16) -> SocketAddress {
    SocketAddress(FamilyTranslation.synthesized(ip), port: port)
  }

  @Test(
    "is seen from an IPv4 address, and its answers come from the address that was called",
    arguments: [false, true])
  func translates(overTCP: Bool) throws {
    var lab = try laboratory()
    let remote = SocketAddress(NATLaboratory.y, port: 53)
    func packet(_ from: SocketAddress, _ to: SocketAddress, _ flags: TCPSegment.Flags) -> Packet {
      Packet(
        from: from, to: to, overTCP ? .tcp(TCPSegment(flags, sequence: 1)) : .udp(Payload([1, 2, 3])))
    }
    lab.put(packet(Self.host, inside(remote.ip, remote.port), .syn), from: .inside)
    let sent = try #require(lab.packets(toward: .outside).first)
    #expect(sent.source.ip == NATLaboratory.outsideAddress && sent.destination == remote)
    lab.put(packet(remote, sent.source, [.syn, .ack]), from: .outside)
    let heard = try #require(lab.packets(toward: .inside).first)
    #expect(heard.source == inside(remote.ip, remote.port) && heard.destination == Self.host)
  }

  @Test("keeps two hosts with one port apart, and lets in by address alone")
  func mapsAndFilters() throws {
    var lab = try laboratory()
    let remote = inside(NATLaboratory.y, 53)
    let (first, second) = (lab.send(Self.host, to: remote), lab.send(Self.other, to: remote))
    let (one, two) = (try #require(first), try #require(second))
    #expect(one != two)
    #expect(
      lab.send(Self.host, to: inside(NATLaboratory.z, 9)) == one, "its mapping depends on the other end")
    #expect(lab.answer(SocketAddress(NATLaboratory.y, port: 99), to: two) == Self.other)
    #expect(lab.answer(SocketAddress(NATLaboratory.z, port: 99), to: two) == nil)
  }

  @Test("says of errors which packet they are about, as its sender knows it, with twenty bytes more room")
  func errors() throws {
    var lab = try laboratory()
    let remote = SocketAddress(NATLaboratory.y, port: 53)
    lab.put(.udp(Self.host, inside(remote.ip, remote.port), "x"), from: .inside)
    let sent = try #require(lab.packets(toward: .outside).first)
    let error = try #require(sent.failure(.tooLarge(mtu: 1400), reportedBy: NATLaboratory.z))
    lab.put(error, from: .outside)
    let heard = try #require(lab.packets(toward: .inside).first)
    guard case .icmp(.error(let report)) = heard.content else {
      Issue.record("\(heard) is no error")
      return
    }
    #expect(heard.destination.ip == Self.host.ip && heard.source.ip == inside(NATLaboratory.z, 0).ip)
    #expect(
      report.offender.source == Self.host && report.offender.destination == inside(remote.ip, remote.port))
    #expect(report.reason == .tooLarge(mtu: 1420))
  }

  @Test("has what comes in be smaller where it is too large for the inside, by the longer header")
  func tooLargeInside() throws {
    var lab = try laboratory()
    let remote = SocketAddress(NATLaboratory.y, port: 53)
    lab.put(.udp(Self.host, inside(remote.ip, remote.port), "x"), from: .inside)
    let mapped = try #require(lab.packets(toward: .outside).first).source
    lab.put(.udp(remote, mapped, "y"), from: .outside)
    let come = try #require(lab.packets(toward: .inside).first)
    lab.put(try #require(come.failure(.tooLarge(mtu: 1500), reportedBy: Self.host.ip)), from: .inside)
    let heard = try #require(lab.packets(toward: .outside).last)
    guard case .icmp(.error(let report)) = heard.content else {
      Issue.record("\(heard) is no error")
      return
    }
    #expect(heard.destination.ip == remote.ip && report.offender.destination == mapped)
    #expect(report.reason == .tooLarge(mtu: 1480))
  }

  @Test("leaves IPv6 as it is, and is none where nobody asked for it")
  func others() throws {
    var lab = try laboratory()
    let far = SocketAddress(try IPAddress("2001:db8:77::1"), port: 5)
    #expect(lab.send(Self.host, to: far) == Self.host)
    var plain = try laboratory { $0.translatesIPv6 = false }
    #expect(plain.send(Self.host, to: inside(NATLaboratory.y, 53)) == nil && plain.drop == .unroutable)
  }

  @Test("has names without IPv6 looked up with it, and the one by which its prefix is found")
  func names() async throws {
    let world = World(seed: 1) {
      Machine("phone").speaking(.v6).behind(.changed { $0.translatesIPv6 = true })
      Machine("home").behind(.fullCone)
      Machine("old")
      Server("new")
    }
    try await world.run { world in
      let (phone, old) = (world.machine("phone"), world.machine("old").address())
      #expect(try await phone.resolve("old").contains(FamilyTranslation.synthesized(old)))
      #expect(try await phone.resolve("new").allSatisfy { !FamilyTranslation.prefix.contains($0) })
      let known = try await phone.resolve("ipv4only.arpa").filter { $0.family == .v6 }
      #expect(
        known == [IPAddress(192, 0, 0, 170), IPAddress(192, 0, 0, 171)].map(FamilyTranslation.synthesized))
      #expect(try await world.machine("home").resolve("old") == [old])
      // Who is given an address instead of a name finds out by itself, where it speaks IPv6 alone.
      #expect(try await phone.resolve("\(old)") == [FamilyTranslation.synthesized(old), old])
      #expect(try await world.machine("home").resolve("\(old)") == [old])
    }
  }
}
