import WarrenMachine
import WarrenQUIC

/// Datagrams of one conversation over UDP, carried on a stream of its own, each behind its length: nothing is too large for it.
///
/// A datagram that comes while too many wait takes the place of the oldest, as on any network.
final class UDPFlow: Sendable {
  let outgoing: AsyncStream<[UInt8]>
  private let waiting: AsyncStream<[UInt8]>.Continuation
  private let heard = Guarded(Instant(nanoseconds: 0))

  init(at now: Instant) {
    (outgoing, waiting) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(ForwardLimits.waitingDatagrams))
    heard.withLock { $0 = now }
  }

  /// Takes one that is to be carried.
  func take(_ bytes: [UInt8], at now: Instant) {
    heard.withLock { $0 = now }
    waiting.yield(bytes)
  }

  func end() { waiting.finish() }

  /// Carries until either side ends it, or nothing has come either way for long.
  ///
  /// - Parameter deliver: is given what comes from the other side.
  func carry(
    over stream: Connection.Stream, on machine: any Machine, deliver: @escaping @Sendable ([UInt8]) -> Void
  ) async {
    let sending = machine.spawn("datagrams of a flow") { [outgoing] in
      for await bytes in outgoing {
        try await stream.write([UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes)
      }
      try await stream.finish()
    }
    let receiving = machine.spawn("datagrams for a flow") { [heard] in
      let reader = StreamReader(stream)
      while let head = try? await reader.read(exactly: 2) {
        deliver(try await reader.read(exactly: Int(head[0]) << 8 | Int(head[1])))
        heard.withLock { $0 = machine.now }
      }
    }
    let watch = machine.spawn("a flow's silence") { [heard, waiting] in
      while true {
        let rest = ForwardLimits.flowSilence - heard.withLock { $0 }.duration(to: machine.now)
        if rest <= .zero { break }
        try await machine.sleep(for: rest)
      }
      waiting.finish()
      receiving.cancel()
    }
    await withTaskCancellationHandler {
      _ = await receiving.result
    } onCancel: {
      receiving.cancel()
    }
    watch.cancel()
    waiting.finish()
    sending.cancel()
    await stream.breakOff()
  }
}
