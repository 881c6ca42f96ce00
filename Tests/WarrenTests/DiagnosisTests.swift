import TestSupport
import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

@Suite("What stands between a machine and others")
struct DiagnosisTests {
  /// What is found out behind these, with a registry that relays or not, and two STUN servers.
  private func examine(
    _ boxes: NATConfiguration..., relays: Bool = true, knowsSTUN: Bool = true,
    families: [IPAddress.Family] = [.v4]
  ) async throws -> NetworkReport {
    let node = families == [.v4] ? Machine("alice") : Server("alice")
    let alice = boxes.reduce(node) { $0.behind($1) }
    let world = World(seed: 1) {
      alice
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    return try await world.run { world in
      let setting = try await PeerSetting(in: world, relays: relays)
      var configuration = Peer.Configuration()
      setting.configure(&configuration)
      if !knowsSTUN { configuration.stunServers = [] }
      return try await NetworkExaminer(on: world.machine("alice")).examine(configuration)
    }
  }

  private func ways(_ report: NetworkReport) -> [NetworkOutlook.Way] { report.outlooks.map(\.way) }

  @Test("on the internet itself everybody is reached, and some after a search for their port")
  func open() async throws {
    let report = try await examine(families: [.v4, .v6])
    #expect(report.families.map(\.family) == [.v6, .v4])
    for family in report.families { #expect(try family.nat?.get().isTranslated == false) }
    #expect(ways(report) == [.direct, .direct, .afterSearch, .afterSearch, .tcp], "\(report)")
    #expect(try report.registry?.get().usesUDP == true && report.hasRelay && !report.isUDPBlocked)
  }

  @Test(
    "behind a usual router hidden ports are searched for; behind one that hides them, only kinder ones are met"
  )
  func routers() async throws {
    let usual = try await examine(.portRestrictedCone)
    #expect(try usual.families[0].nat?.get().mapping == .endpointIndependent)
    #expect(ways(usual) == [.direct, .direct, .afterSearch, .afterSearch, .tcp], "\(usual)")
    let hidden = try await examine(.symmetric)
    #expect(ways(hidden) == [.direct, .afterSearch, .relayed, .relayed, .relayed], "\(hidden)")
    let withoutRelay = try await examine(.symmetric, relays: false)
    #expect(ways(withoutRelay) == [.direct, .afterSearch, .none, .none, .none], "\(withoutRelay)")
    #expect(withoutRelay.description.contains("There is no relay for those who find no direct way"))
  }

  @Test("where UDP is blocked it says so, and what TCP can do")
  func blocked() async throws {
    let report = try await examine(.udpBlocked)
    #expect(report.isUDPBlocked && report.description.contains("UDP is blocked: only TCP gets out"))
    #expect(try report.registry?.get().usesUDP == false)
    #expect(ways(report) == [.tcp, .tcp, .relayed, .relayed, .tcp], "\(report)")
  }

  @Test("what IPv6 could do is not promised with peers who may have IPv4 alone")
  func bothFamilies() async throws {
    let report = try await examine(.symmetric, families: [.v4, .v6])
    #expect(report.families.count == 2)
    #expect(ways(report) == [.direct, .afterSearch, .relayed, .relayed, .relayed], "\(report)")
  }

  @Test("one STUN server that knows little is not taken for more than it knows")
  func unknown() async throws {
    let report = try await examine(.symmetric, knowsSTUN: false)
    #expect(try report.families[0].nat?.get().mapping == nil)
    #expect(ways(report) == [.unknown, .unknown, .unknown, .unknown, .unknown], "\(report)")
  }

  @Test("without a network there is nothing to say, and without servers little")
  func nothing() async throws {
    let world = World(seed: 1) { Machine("alice") }
    let report = try await world.run { world in
      try await NetworkExaminer(on: world.machine("alice")).examine(Peer.Configuration())
    }
    #expect(report.families.count == 1 && report.families[0].nat == nil && report.registry == nil)
    #expect(ways(report) == [.unknown, .unknown, .unknown, .unknown, .unknown])
    #expect(NetworkReport().description.hasPrefix("This computer has no network"))
  }

  @Test("a page that wants to be read first is told from the right answer, and from nonsense")
  func portals() {
    func verdict(_ text: String) -> NetworkReport.Portal { PortalCheck.verdict(on: Array(text.utf8)) }
    #expect(verdict("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n") == .none)
    #expect(
      verdict("HTTP/1.0 302 Found\r\nlocation: http://hotel.example/\r\n\r\n")
        == .found(page: "http://hotel.example/"))
    #expect(verdict("HTTP/1.1 200 OK\r\n\r\n<html>") == .found(page: nil))
    for text in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"] {
      if case .unknown = verdict(text) { continue }
      Issue.record("\(text) was believed")
    }
    #expect(
      PortalCheck(url: "http://192.0.2.1/x") != nil && PortalCheck(url: "http://[2001:db8::1]:8080/") != nil)
    #expect(PortalCheck(url: "http://a.example:80x/") == nil && PortalCheck(url: "https://a.example/") == nil)
    #expect(PortalCheck(url: "http://a.example/ HTTP/1.1") == nil)
  }
}
