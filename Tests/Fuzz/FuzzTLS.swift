import WarrenCrypto
import WarrenMachine
import WarrenTLS

private let identities: [TLSIdentity] = {
  var random = FuzzRandom()
  return (0...1).map { _ in
    guard let identity = try? TLSIdentity(PrivateKey(using: &random)) else {
      fatalError("GnuTLS takes no key of Ed25519")
    }
    return identity
  }
}()

/// Has one side of a TLS connection, before the handshake or behind it, hear what its peer says, what somebody has changed of
/// it, and what nobody said: what it gives out is what the peer wrote, from the beginning, and it ends when TCP does.
func fuzzTLS(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let choices = input.byte()
  let start = Instant(nanoseconds: 1)
  let configuration = TLSConfiguration(protocols: ["fuzz"])
  guard
    let client = try? TLSCore(.client(expecting: nil), identities[0], configuration, at: start),
    let server = try? TLSCore(.server, identities[1], configuration, at: start)
  else { fatalError("GnuTLS begins no session") }
  let (victim, peer) = choices & 1 == 0 ? (client, server) : (server, client)
  var (written, heard): ([UInt8], [UInt8]) = ([], [])

  /// What leaves a side.
  func leaving(_ core: TLSCore) -> [UInt8] {
    precondition(core.outgoingCount <= TLSLimits.outgoingBytes, "what leaves is not bounded")
    var bytes: [UInt8] = []
    core.transmit { span in
      span.withUnsafeBytes { bytes += $0 }
      return span.byteCount
    }
    return bytes
  }
  func tell(_ core: TLSCore, _ bytes: [UInt8]) { _ = core.receive(bytes.span.bytes) }
  func read() {
    var room = [UInt8](repeating: 0, count: 4096)
    room.withUnsafeMutableBytes { memory in
      var span = OutputRawSpan(buffer: memory, initializedCount: 0)
      _ = try? victim.read(into: &span)
      let count = span.finalize(for: memory)
      heard += memory.prefix(count)
    }
    precondition(written.starts(with: heard), "what was given out nobody has written")
  }

  if choices & 2 != 0 {
    for _ in 0..<4 {
      tell(peer, leaving(victim))
      tell(victim, leaving(peer))
    }
    precondition(victim.phase == .open && peer.phase == .open, "the two do not come together")
  }
  while !input.isEmpty {
    switch input.byte() % 6 {
    case 0: tell(victim, input.block())
    case 1: tell(victim, leaving(peer))
    case 2:
      var bytes = leaving(peer)
      let (place, change) = (Int(input.byte()) << 8 | Int(input.byte()), input.byte())
      if !bytes.isEmpty { bytes[place % bytes.count] ^= change }
      tell(victim, bytes)
    case 3:
      let bytes = input.block()
      let count = (try? peer.write(bytes.span.bytes)) ?? 0
      written += bytes.prefix(count)
    case 4: tell(peer, leaving(victim))
    default: read()
    }
  }
  victim.receiveEnd()
  for _ in 0..<50 { read() }
  victim.handleDeadline(at: start.advanced(by: .seconds(3600)))
  guard case .ended = victim.phase else { fatalError("it does not end") }
  _ = leaving(victim)
}
