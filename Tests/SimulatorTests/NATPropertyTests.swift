import Testing
import WarrenMachine
import WarrenSimulator

/// What holds for every NAT and every script of packets: answers find their way back, flows stay where they
/// are, two runs are alike, and in the end nothing is left.
struct NATPropertyTests {
  private static let seeds = 1...200 as ClosedRange<UInt64>

  @Test("the answer to any translated packet returns to its socket")
  func reversibility() {
    for seed in NATPropertyTests.seeds {
      var script = NATScript(seed: seed)
      for step in 0..<300 {
        guard let (sent, arrived) = script.step() else { continue }
        let reply = Packet(from: arrived.destination, to: arrived.source, sent.content.reply)
        script.laboratory.put(reply, from: .outside)
        let returned = script.laboratory.packets(toward: .inside).first?.destination
        guard returned == sent.source else {
          Issue.record(
            "seed \(seed), step \(step): \(sent.source) -> \(sent.destination), seen as \(arrived.source), answered to \(String(describing: returned)), \(String(describing: script.laboratory.drop))"
          )
          return
        }
      }
    }
  }

  @Test("a flow keeps its place as long as it is in use")
  func stability() {
    for seed in NATPropertyTests.seeds {
      var script = NATScript(seed: seed, isSteady: true)
      var places: [[SocketAddress]: SocketAddress] = [:]
      for step in 0..<300 {
        guard let (sent, arrived) = script.step(), sent.transport == .udp else { continue }
        let place = places[[sent.source, sent.destination], default: arrived.source]
        guard place == arrived.source else {
          Issue.record("seed \(seed), step \(step): \(sent.source) moved from \(place) to \(arrived.source)")
          return
        }
        places[[sent.source, sent.destination]] = place
      }
    }
  }

  @Test("two sockets are never at one place towards the same remote end")
  func distinctness() {
    for seed in NATPropertyTests.seeds {
      var script = NATScript(seed: seed, isSteady: true)
      var owners: [[SocketAddress]: SocketAddress] = [:]
      for step in 0..<300 {
        guard let (sent, arrived) = script.step(), sent.transport == .udp else { continue }
        let owner = owners[[arrived.source, arrived.destination], default: sent.source]
        guard owner == sent.source else {
          Issue.record(
            "seed \(seed), step \(step): \(owner) and \(sent.source) are both at \(arrived.source)")
          return
        }
        owners[[arrived.source, arrived.destination]] = owner
      }
    }
  }

  @Test("after twice the longest lifetime nothing is left: no mapping, no filter, no deadline")
  func leak() {
    for seed in NATPropertyTests.seeds {
      var script = NATScript(seed: seed)
      for _ in 0..<300 { script.step() }
      #expect(!script.laboratory.nat.isEmpty, "seed \(seed): the script did nothing")
      let lifetimes = script.configuration.lifetimes
      let longest = max(lifetimes.udp, lifetimes.tcpEstablished, lifetimes.tcpTransitory, lifetimes.icmp)
      script.laboratory.wait(longest * 2)
      let nat = script.laboratory.nat
      guard nat.isEmpty, nat.nextDeadline == nil else {
        Issue.record(
          "seed \(seed): \(nat.mappingCount) mappings, \(nat.filterCount) filters, \(nat.hostCount) hosts, next deadline \(String(describing: nat.nextDeadline))"
        )
        return
      }
    }
  }

  @Test("the same seed gives the same packets, another seed others")
  func determinism() {
    func trace(_ seed: UInt64) -> [NATOutput] {
      var script = NATScript(seed: seed)
      return (0..<300).flatMap { _ in
        script.step()
        return script.laboratory.output
      }
    }
    for seed in NATPropertyTests.seeds.prefix(20) { #expect(trace(seed) == trace(seed), "seed \(seed)") }
    #expect(trace(1) != trace(2))
  }
}

extension Packet.Content {
  /// What answers it.
  fileprivate var reply: Packet.Content {
    switch self {
    case .tcp(let segment):
      .tcp(TCPSegment([.syn, .ack], sequence: 1, acknowledgement: segment.sequence &+ 1))
    case .icmp(.echoRequest(let sequence, let payload)): .icmp(.echoReply(sequence: sequence, payload))
    default: self
    }
  }
}
