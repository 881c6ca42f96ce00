import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 5382, REQ-1, 2, 4, 5, 7 and 8, with what RFC 7857 says of resets: TCP.
struct NATConnectionTests {
  typealias Configuration = NATConfiguration

  // MARK: REQ-1 and 7

  @Test("a TCP socket has one port for all remote ends, or one for each")
  func mapping() {
    func places(_ configuration: Configuration) -> Int {
      var laboratory = NATLaboratory(configuration)
      return Set([y1, y2, z1].map { laboratory.connect(x1, to: $0) }).count
    }
    #expect(places(.portRestrictedCone) == 1)
    #expect(places(.symmetric) == 3)
  }

  @Test("two hosts' TCP sockets never share a port, unless ports are overloaded")
  func overloading() {
    func overloads(_ configuration: Configuration) -> Bool {
      var laboratory = NATLaboratory(configuration)
      return laboratory.connect(x1, to: y1) == laboratory.connect(x2, to: z1)
    }
    #expect(!overloads(.portRestrictedCone))
    #expect(overloads(.linuxMasquerade(input: .drop)))
  }

  @Test("UDP and TCP ports are apart from each other")
  func transports() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    #expect(laboratory.send(x1, to: y1)?.port == 5000)
    #expect(laboratory.connect(x2, to: y1)?.port == 5000)
  }

  // MARK: REQ-2

  @Test("a connection opens by three segments", arguments: NATPresets.allCases)
  func threeWay(_ preset: NATPresets) {
    var laboratory = NATLaboratory(preset.configuration)
    let mapped = laboratory.connect(x1, to: y1)!
    #expect(laboratory.segment([.psh, .ack], y1, to: mapped, from: .outside)?.destination == x1)
    #expect(laboratory.segment([.psh, .ack], x1, to: y1, from: .inside)?.source == mapped)
    #expect(laboratory.segment([.psh, .ack], z1, to: mapped, from: .outside) == nil)
  }

  /// Whether a connection that both sides open at once comes about, and is kept as long as others.
  private func opensSimultaneously(_ configuration: Configuration) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.segment(.syn, x1, to: y1, from: .inside)!.source
    guard laboratory.segment(.syn, y1, to: mapped, from: .outside)?.destination == x1 else { return false }
    guard laboratory.segment([.syn, .ack], x1, to: y1, from: .inside) != nil else { return false }
    guard laboratory.segment([.syn, .ack], y1, to: mapped, from: .outside) != nil else { return false }
    laboratory.wait(.seconds(7200))
    return laboratory.segment(.ack, y1, to: mapped, from: .outside)?.destination == x1
  }

  @Test("a connection may be opened from both sides at once")
  func simultaneousOpen() {
    #expect(opensSimultaneously(.portRestrictedCone))
    #expect(opensSimultaneously(.symmetric))
    #expect(!opensSimultaneously(.changed { $0.refusesInboundSYN = true }))
  }

  @Test("a segment of a connection that nobody opened passes in no direction, unless such are adopted")
  func outOfState() {
    func passes(_ configuration: Configuration) -> Bool {
      var laboratory = NATLaboratory(configuration)
      return laboratory.segment(.ack, x1, to: y1, from: .inside) != nil
    }
    #expect(!passes(.portRestrictedCone))
    #expect(passes(.linuxMasquerade(input: .drop)))
    var laboratory = NATLaboratory(.fullCone)
    let mapped = laboratory.connect(x1, to: y1)!
    #expect(laboratory.segment(.ack, z1, to: mapped, from: .outside) == nil)
    #expect(laboratory.drop == .filtered)
  }

  /// Who may open a connection to a mapping that X1 has used towards Y:1111.
  @Test(
    "strangers' SYNs are let in by address and port, by address, or all of them",
    arguments: Configuration.Dependence.allCases)
  func filtering(_ filtering: Configuration.Dependence) {
    let admitted = [y1, y2, z1].map { stranger in
      var laboratory = NATLaboratory(.changed { $0.filtering = filtering })
      let mapped = laboratory.connect(x1, to: y1)!
      return laboratory.segment(.syn, stranger, to: mapped, from: .outside)?.destination == x1
    }
    switch filtering {
    case .endpointIndependent: #expect(admitted == [true, true, true])
    case .addressDependent: #expect(admitted == [true, true, false])
    case .addressAndPortDependent: #expect(admitted == [true, false, false])
    }
  }

  // MARK: REQ-4

  /// What an unsolicited SYN is answered with, and after how many seconds.
  private enum Answer: Equatable {
    case reset(after: Int)
    case error(after: Int)
  }

  private func answer(_ configuration: Configuration, ownSYNAfter: Int? = nil) -> Answer? {
    var laboratory = NATLaboratory(configuration)
    laboratory.segment(.syn, y1, to: NATLaboratory.outsideAddress.port(5000), from: .outside)
    #expect(laboratory.packets(toward: .inside).isEmpty)
    #expect(laboratory.drop == .unsolicited)
    for second in 0...10 {
      for packet in laboratory.packets(toward: .outside) where packet.destination.ip == y1.ip {
        switch packet.content {
        case .tcp(let segment) where segment.flags.contains(.rst): return .reset(after: second)
        case .icmp(.error(let error)) where error.reason == .portUnreachable: return .error(after: second)
        default: break
        }
      }
      if second == ownSYNAfter { laboratory.segment(.syn, x1, to: y1, from: .inside) }
      laboratory.wait(.seconds(1))
    }
    return nil
  }

  @Test("an unsolicited SYN is answered by silence, by a reset, or after six seconds by an error")
  func unsolicitedSYN() {
    let patient = NATConfiguration.changed { $0.unsolicitedSYN = .rejectLater }
    #expect(answer(patient) == .error(after: 6))
    #expect(answer(.portRestrictedCone) == nil)
    // Within six seconds an answer breaks simultaneous open: this violates the requirement.
    #expect(answer(.changed { $0.unsolicitedSYN = .reset }) == .reset(after: 0))
  }

  @Test("an unsolicited SYN is forgotten if the inside opens the same connection in time")
  func unsolicitedSYNThenOwn() {
    let patient = NATConfiguration.changed { $0.unsolicitedSYN = .rejectLater }
    #expect(answer(patient, ownSYNAfter: 3) == nil)
    #expect(answer(patient, ownSYNAfter: 8) == .error(after: 6))
  }

  @Test("a reset answers a SYN with the number that its sender expects")
  func reset() {
    var laboratory = NATLaboratory(.changed { $0.unsolicitedSYN = .reset })
    laboratory.segment(.syn, y1, to: NATLaboratory.outsideAddress.port(5000), from: .outside)
    guard case .tcp(let segment)? = laboratory.packets(toward: .outside).first?.content else {
      Issue.record("no reset")
      return
    }
    #expect(segment.flags == [.rst, .ack])
    #expect(segment.acknowledgement == 1001)
  }

  // MARK: REQ-5 and RFC 7857

  /// Whether Y still gets through to X1 when a connection was idle for so long.
  private func isAlive(
    _ configuration: Configuration, after idle: Duration,
    _ prepare: (inout NATLaboratory, SocketAddress) -> Void = { _, _ in }
  ) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let mapped = laboratory.connect(x1, to: y1)!
    prepare(&laboratory, mapped)
    laboratory.wait(idle)
    return laboratory.segment(.ack, y1, to: mapped, from: .outside)?.destination == x1
  }

  @Test("an established connection is kept for two hours and four minutes")
  func established() {
    #expect(isAlive(.portRestrictedCone, after: .seconds(7440) - .milliseconds(1)))
    #expect(!isAlive(.portRestrictedCone, after: .seconds(7440) + .milliseconds(1)))
    let hasty = NATConfiguration.changed { $0.lifetimes.tcpEstablished = .seconds(300) }
    #expect(!isAlive(hasty, after: .seconds(7439)))
  }

  @Test("a connection that is not open yet, or closed by both sides, is kept for four minutes")
  func transitory() {
    func isOpeningAlive(after idle: Duration) -> Bool {
      var laboratory = NATLaboratory(.portRestrictedCone)
      let mapped = laboratory.segment(.syn, x1, to: y1, from: .inside)!.source
      laboratory.wait(idle)
      return laboratory.segment([.syn, .ack], y1, to: mapped, from: .outside) != nil
    }
    func isHalfOpenAlive(after idle: Duration) -> Bool {
      var laboratory = NATLaboratory(.portRestrictedCone)
      let mapped = laboratory.segment(.syn, x1, to: y1, from: .inside)!.source
      laboratory.segment([.syn, .ack], y1, to: mapped, from: .outside)
      laboratory.wait(idle)
      return laboratory.segment(.ack, y1, to: mapped, from: .outside) != nil
    }
    func close(_ laboratory: inout NATLaboratory, _ mapped: SocketAddress) {
      laboratory.segment([.fin, .ack], x1, to: y1, from: .inside)
      laboratory.segment([.fin, .ack], y1, to: mapped, from: .outside)
      laboratory.segment(.ack, x1, to: y1, from: .inside)
    }
    func halfClose(_ laboratory: inout NATLaboratory, _ mapped: SocketAddress) {
      laboratory.segment([.fin, .ack], x1, to: y1, from: .inside)
    }
    #expect(isOpeningAlive(after: .milliseconds(239_999)))
    #expect(!isOpeningAlive(after: .milliseconds(240_001)))
    #expect(isHalfOpenAlive(after: .milliseconds(239_999)))
    #expect(!isHalfOpenAlive(after: .milliseconds(240_001)))
    #expect(isAlive(.portRestrictedCone, after: .milliseconds(239_999), close))
    #expect(!isAlive(.portRestrictedCone, after: .milliseconds(240_001), close))
    #expect(isAlive(.portRestrictedCone, after: .seconds(7200), halfClose))
  }

  @Test("a reset leaves the mapping for four minutes, which further resets do not prolong")
  func resetConnection() {
    func reset(_ laboratory: inout NATLaboratory, _ mapped: SocketAddress) {
      laboratory.segment(.rst, y1, to: mapped, from: .outside)
    }
    func resetTwice(_ laboratory: inout NATLaboratory, _ mapped: SocketAddress) {
      reset(&laboratory, mapped)
      laboratory.wait(.seconds(200))
      reset(&laboratory, mapped)
    }
    #expect(isAlive(.portRestrictedCone, after: .milliseconds(239_999), reset))
    #expect(!isAlive(.portRestrictedCone, after: .milliseconds(240_001), reset))
    #expect(!isAlive(.portRestrictedCone, after: .milliseconds(40_001), resetTwice))
    let forgetful = NATConfiguration.changed { $0.forgetsResetConnections = true }
    #expect(!isAlive(forgetful, after: .milliseconds(1), reset))
  }

  @Test("a forged reset does not end a connection that goes on")
  func forgedReset() {
    func resetAndGoOn(_ laboratory: inout NATLaboratory, _ mapped: SocketAddress) {
      laboratory.segment(.rst, y1, to: mapped, from: .outside)
      laboratory.wait(.seconds(60))
      laboratory.segment([.psh, .ack], x1, to: y1, from: .inside)
    }
    #expect(isAlive(.portRestrictedCone, after: .seconds(7200), resetAndGoOn))
  }

  @Test("a TCP mapping lives as long as any of its connections")
  func lastConnection() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    let mapped = laboratory.connect(x1, to: y1)
    laboratory.wait(.seconds(7000))
    #expect(laboratory.connect(x1, to: z1) == mapped)
    laboratory.wait(.seconds(1000))
    #expect(laboratory.nat.filterCount == 1)
    #expect(laboratory.nat.mappingCount == 1)
    laboratory.wait(.seconds(7000))
    #expect(laboratory.nat.mappingCount == 0)
  }

  // MARK: REQ-8

  @Test("inside hosts connect through their mappings")
  func hairpinning() {
    func connects(_ configuration: Configuration) -> Bool {
      var laboratory = NATLaboratory(configuration)
      let server = NATLaboratory.x2.port(6000)
      let mapped = laboratory.segment(.syn, server, to: y1, from: .inside)!.source
      laboratory.segment(.syn, x1, to: mapped, from: .inside)
      guard let syn = laboratory.packets(toward: .inside).first else { return false }
      #expect(syn.destination == server)
      laboratory.segment([.syn, .ack], server, to: syn.source, from: .inside)
      guard let reply = laboratory.packets(toward: .inside).first else { return false }
      return reply.destination == x1 && reply.source == mapped
    }
    #expect(connects(.fullCone))
    #expect(!connects(.fullCone.changed { $0.hairpinning = .off }))
    #expect(!connects(.portRestrictedCone))
  }
}
