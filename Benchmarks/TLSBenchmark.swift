import CBareTLS
import Glibc
import Warren
import WarrenTLS

/// TLS in memory, both ends on one core: ours, and GnuTLS alone.
enum TLSBenchmark {
  private struct Pair {
    let client: TLSCore
    let server: TLSCore

    init(_ identities: [TLSIdentity], expecting peer: PeerID) throws {
      let configuration = TLSConfiguration(protocols: ["warren-bench"])
      let now = Instant(nanoseconds: 0)
      client = try TLSCore(.client(expecting: peer), identities[0], configuration, at: now)
      server = try TLSCore(.server, identities[1], configuration, at: now)
      for _ in 0..<2 {
        Self.carry(from: client, to: server)
        Self.carry(from: server, to: client)
      }
      precondition(client.phase == .open && server.phase == .open, "the two do not come together")
    }

    static func carry(from one: TLSCore, to other: TLSCore) {
      one.transmit { other.receive($0) }
    }
  }

  private static func handshakes(_ count: Int, _ identities: [TLSIdentity], _ peer: PeerID) throws -> Double {
    let start = threadSeconds()
    for _ in 0..<count { _ = try Pair(identities, expecting: peer) }
    return Double(count) / (threadSeconds() - start)
  }

  private static func transfer(_ bytes: Int, _ identities: [TLSIdentity], _ peer: PeerID) throws -> Double {
    let pair = try Pair(identities, expecting: peer)
    let chunk = [UInt8](repeating: 7, count: 262_144)
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { room.deallocate() }
    let start = threadSeconds()
    var (sent, received) = (0, 0)
    while received < bytes {
      sent += try pair.client.write(chunk.span.bytes)
      while received < sent {
        Pair.carry(from: pair.client, to: pair.server)
        var span = OutputRawSpan(buffer: room, initializedCount: 0)
        _ = try pair.server.read(into: &span)
        received += span.finalize(for: room)
      }
    }
    return Double(received) * 8 / 1e9 / (threadSeconds() - start)
  }

  static func run() throws {
    var seconds = 0.0
    precondition(bare_tls_handshakes(2000, &seconds) == 0, "GnuTLS alone does not get through a handshake")
    let limitHandshakes = 2000 / seconds
    precondition(bare_tls_transfer(4_000_000_000, &seconds) == 0, "GnuTLS alone does not transfer")
    let limitGigabits = 32 / seconds
    var random = SystemRandomNumberGenerator()
    let keys = [PrivateKey(using: &random), PrivateKey(using: &random)]
    let identities = try keys.map { try TLSIdentity($0) }
    let figures = [
      (
        "handshakes per CPU-second", try handshakes(2000, identities, keys[1].peerID), limitHandshakes,
        "a CPU-second"
      ),
      (
        "one way per CPU-second", try transfer(4_000_000_000, identities, keys[1].peerID), limitGigabits,
        "Gbit"
      ),
    ]
    print("TLS in memory, keys of Ed25519 on both sides, both ends on one core; the limit is GnuTLS alone")
    for (name, ours, limit, unit) in figures {
      let ratio = (ours / limit * 100).rounded() / 100
      print("\(name): \((ours * 10).rounded() / 10) of \((limit * 10).rounded() / 10) \(unit), \(ratio)")
    }
    print("")
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
