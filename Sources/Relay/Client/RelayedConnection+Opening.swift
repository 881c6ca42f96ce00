import WarrenMachine
import WarrenSTUN
import WarrenTLS

extension RelayedConnection {
  /// A connection that the relay has with a peer, and how it is claimed (RFC 6062, 4.3 and 4.4).
  struct Claim {
    /// What the relay calls it.
    var id: UInt32
    var from: SocketAddress
    var to: SocketAddress
    /// Where the relay is.
    var relay: SocketAddress
    var security: RelaySecurity?
    var credential: LongTermCredential
  }

  /// Connects to the relay once more, and has it carry what the peer says.
  static func open(_ claim: Claim, on machine: any Machine) async throws -> RelayedConnection {
    let tcp = try machine.openTCP(to: claim.relay, options: TCPOptions())
    let stream: any TCPConnection
    do {
      stream = try claim.security.map { TLSStream(try $0.session(at: machine.now), over: tcp) } ?? tcp
    } catch {
      tcp.close()
      throw error
    }
    // It is closed when it takes too long: whoever waits for it hears of that.
    let timer = machine.makeTimer { stream.close() }
    timer.schedule(at: machine.now.advanced(by: RelayClientLimits.connecting))
    defer { timer.cancel() }
    do {
      try await stream.opened()
      try await bind(claim, over: stream)
    } catch {
      stream.close()
      if let failure = (stream as? TLSStream)?.failure { throw RelayError(.tls(failure)) }
      if !timer.isScheduled, !(error is CancellationError) { throw RelayError(.silent) }
      throw error
    }
    return RelayedConnection(over: stream, from: claim.from, to: claim.to)
  }

  /// Says whose connection it is to be. All that follows the answer is the peer's.
  private static func bind(_ claim: Claim, over stream: any TCPConnection) async throws {
    var credential = claim.credential
    var random = stream.machine.random
    for _ in 0...RelayClientLimits.renewals {
      let id = TransactionID(using: &random)
      try await stream.write(request(claim.id, id, credential))
      let answer = try await message(from: stream)
      guard let message = try? STUNMessage(answer.span.bytes), message.transactionID == id,
        message.method == .connectionBind
      else { throw RelayError(.badAnswer) }
      if message.messageClass == .success {
        guard credential.isProven(message) else { throw RelayError(.badAnswer) }
        return
      }
      guard let code = message.errorCode else { throw RelayError(.badAnswer) }
      // Only these two a server cannot sign (RFC 8489, 9.2.4), and it may ask anew: its nonces may be for one port.
      guard code == .staleNonce || code == .unauthenticated, let challenge = RelayChallenge(message),
        challenge.nonce != credential.challenge?.nonce
      else { throw RelayError(code, isRefresh: true) }
      try credential.learn(challenge)
    }
    throw RelayError(.wrongPassword)
  }

  private static func request(
    _ id: UInt32, _ transaction: TransactionID, _ credential: LongTermCredential
  ) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.begin(.request, .connectionBind, transaction)
    writer.add(.connectionID, id)
    credential.sign(&writer)
    writer.addFingerprint()
    return writer.copy
  }

  /// The next message, and no byte of what follows.
  private static func message(from stream: any TCPConnection) async throws -> [UInt8] {
    let ended = RelayError(.network(.connectionReset(stream.remoteAddress)))
    guard let header = try await stream.read(exactly: STUNMessage.headerSize) else { throw ended }
    let length = Int(header[2]) << 8 | Int(header[3])
    guard header[0] < 4, length % 4 == 0, length <= STUNLimits.messageOnStream else {
      throw RelayError(.badAnswer)
    }
    if length == 0 { return header }
    guard let rest = try await stream.read(exactly: length) else { throw ended }
    return header + rest
  }
}
