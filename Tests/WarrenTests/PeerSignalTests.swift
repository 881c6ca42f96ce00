import TestSupport
import Testing
import WarrenTraversal

@testable import Warren

@Suite("What two peers say by way of the registry")
struct PeerSignalTests {
  private func isSame(_ one: PeerSignal?, _ other: PeerSignal?) -> Bool {
    switch (one, other) {
    case (nil, nil), (.gone, .gone): true
    case (.mend(let one), .mend(let other)): one == other
    case (.flight(let one), .flight(let other)): one == other
    case (.punch(let one), .punch(let other)): one.encoded == other.encoded
    default: false
    }
  }

  @Test("is read as it was written")
  func roundTrip() {
    let packet = [UInt8](repeating: 7, count: RegistryLimits.packetBytes)
    let all: [PeerSignal] = [
      .mend(.udp), .mend(.tcp), .gone, .flight([]), .flight([[1]]), .flight([packet, [], packet, [9]]),
      .punch(PunchSignal(.complete, of: "abcd")),
      .punch(
        PunchSignal(
          .description(ICEDescription(usernameFragment: "abcd", password: "aPasswordThatIsLongEnough")))),
    ]
    for signal in all {
      #expect(isSame(PeerSignal(signal.encoded), signal))
      #expect(signal.encoded.count <= RegistryLimits.signalBytes)
    }
  }

  @Test("is nothing where it is rubbish, too much, or a newer program's")
  func rubbish() {
    let packets = [UInt8](repeating: 0, count: 2 * RegistryLimits.flightPackets + 2)
    for bytes in [[], [5], [255, 1], [0], [0, 1, 2], [1, 0], [1, 0, 2, 1], [1, 255, 255], [1] + packets]
      as [[UInt8]]
    {
      #expect(PeerSignal(bytes) == nil, "\(bytes)")
    }
    var random = SeededRandom(3)
    for _ in 0..<20_000 {
      let bytes =
        [UInt8.random(in: 0...4, using: &random)] + random.bytes(Int.random(in: 0...60, using: &random))
      if case .flight(let packets) = PeerSignal(bytes) {
        #expect(packets.count <= RegistryLimits.flightPackets && packets.joined().count < bytes.count)
      }
    }
  }
}
