import WarrenMachine
import WarrenQUIC

/// Datagrams of one conversation over UDP, carried on a stream of its own, each behind its length: nothing is too large for it.
///
/// A datagram that comes while too many wait is dropped, as on any network.
final class UDPFlow: Sendable {
  private struct State {
    var heard: Instant
    var waitingBytes = 0
  }

  private let outgoing: AsyncStream<[UInt8]>
  private let waiting: AsyncStream<[UInt8]>.Continuation
  private let silence: Duration
  private let state: Guarded<State>

  /// - Parameter port: the one that it is to.
  init(to port: UInt16, at now: Instant) {
    (outgoing, waiting) = AsyncStream.makeStream()
    silence = port < 1024 ? ForwardLimits.shortFlowSilence : ForwardLimits.flowSilence
    state = Guarded(State(heard: now))
  }

  /// When something has come last, either way.
  var heard: Instant { state.withLock { $0.heard } }

  /// Takes one that is to be carried.
  func take(_ bytes: [UInt8], at now: Instant) {
    let hasRoom = state.withLock { state in
      state.heard = now
      let cost = bytes.count + ForwardLimits.datagramCost
      guard state.waitingBytes + cost <= ForwardLimits.waitingBytes else { return false }
      state.waitingBytes += cost
      return true
    }
    if hasRoom { waiting.yield(bytes) }
  }

  func end() { waiting.finish() }

  /// Carries until either side ends it, or nothing has come either way for long.
  ///
  /// - Parameter deliver: is given what comes from the other side.
  func carry(
    over stream: Connection.Stream, on machine: any Machine, deliver: @escaping @Sendable ([UInt8]) -> Void
  ) async {
    let sending = machine.spawn("datagrams of a flow") { [outgoing, state] in
      for await bytes in outgoing {
        state.withLock { $0.waitingBytes -= bytes.count + ForwardLimits.datagramCost }
        try await stream.write([UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes)
      }
      try await stream.finish()
    }
    let receiving = machine.spawn("datagrams for a flow") { [state] in
      let reader = StreamReader(stream)
      while let head = try? await reader.read(exactly: 2) {
        deliver(try await reader.read(exactly: Int(head[0]) << 8 | Int(head[1])))
        state.withLock { $0.heard = machine.now }
      }
    }
    let watch = machine.spawn("a flow's silence") { [state, silence, waiting] in
      while true {
        let rest = silence - state.withLock { $0.heard }.duration(to: machine.now)
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
