import Testing
import WarrenMachine
import WarrenSimulator

/// The clash of Linux' connection tracking (X1): a stranger who is first can move our port.
struct NATClashTests {
  typealias Configuration = NATConfiguration
  private static let expected = NATLaboratory.outsideAddress.port(5000)

  /// Where Y sees X1's packets come from when Y has sent to the place that Z sees.
  private func placeSeenByY(
    _ configuration: Configuration, primedWith hopLimit: UInt8? = nil, _ transport: Transport = .udp
  ) -> SocketAddress? {
    var laboratory = NATLaboratory(configuration)
    func packet(_ source: SocketAddress, _ destination: SocketAddress) -> Packet {
      transport == .udp
        ? .udp(source, destination)
        : Packet(from: source, to: destination, .tcp(TCPSegment(.syn, sequence: 1)))
    }
    laboratory.put(packet(x1, z1), from: .inside)
    #expect(laboratory.packets(toward: .outside).first?.source == NATClashTests.expected)
    if let hopLimit {
      var primer = packet(x1, y1)
      primer.hopLimit = hopLimit
      laboratory.put(primer, from: .inside)
    }
    laboratory.put(packet(y1, NATClashTests.expected), from: .outside)
    laboratory.put(packet(x1, y1), from: .inside)
    return laboratory.packets(toward: .outside).first?.source
  }

  @Test(
    "a stranger's packet moves the port if the box takes it for its own", arguments: [Transport.udp, .tcp])
  func clash(_ transport: Transport) {
    let moved = placeSeenByY(.linuxMasquerade(input: .accept), transport)
    #expect(moved != nil)
    #expect(moved?.ip == NATLaboratory.outsideAddress)
    #expect(moved != NATClashTests.expected)
  }

  @Test("nothing moves if the box drops or rejects it", arguments: [Configuration.Unsolicited.drop, .reject])
  func noClash(_ input: Configuration.Unsolicited) {
    #expect(placeSeenByY(.linuxMasquerade(input: input)) == NATClashTests.expected)
  }

  @Test("nothing moves if the inside was first, though its packet died behind the box")
  func primed() {
    let accepting = NATConfiguration.linuxMasquerade(input: .accept)
    #expect(placeSeenByY(accepting, primedWith: 2) == NATClashTests.expected)
    // A primer that dies in the box itself is none.
    #expect(placeSeenByY(accepting, primedWith: 1) != NATClashTests.expected)
  }

  @Test("a NAT that does not overload ports has no clash")
  func withoutOverloading() {
    #expect(placeSeenByY(.fullCone.changed { $0.unsolicited = .accept }) == NATClashTests.expected)
  }

  @Test("the stranger's entry ends after 30 s, and the port is free again")
  func entryEnds() {
    func place(after idle: Duration) -> SocketAddress? {
      var laboratory = NATLaboratory(.linuxMasquerade(input: .accept))
      laboratory.answer(y1, to: NATClashTests.expected)
      #expect(laboratory.nat.mappingCount == 1)
      laboratory.wait(idle)
      return laboratory.send(x1, to: y1)
    }
    #expect(place(after: .milliseconds(29_999)) != NATClashTests.expected)
    #expect(place(after: .milliseconds(30_001)) == NATClashTests.expected)
  }

  @Test("a moved mapping works, at its new port only")
  func movedMapping() {
    var laboratory = NATLaboratory(.linuxMasquerade(input: .accept))
    laboratory.answer(y1, to: NATClashTests.expected)
    let moved = laboratory.send(x1, to: y1)!
    #expect(laboratory.answer(y1, to: moved) == x1)
    #expect(laboratory.answer(y1, to: NATClashTests.expected) == nil)
  }
}
