import WarrenMachine
import WarrenQUIC

/// Carries what comes on either of two to the other, until both have finished: whoever is slow is waited for, and an end is passed on as
/// one.
///
/// - Throws: what broke one of the two; the other one is broken off then.
func splice(
  _ connection: any TCPConnection, _ stream: Connection.Stream, on machine: any Machine
) async throws {
  nonisolated(unsafe) let connection = connection
  // Whichever way breaks takes the other along.
  @Sendable func whole(_ body: () async throws -> Void) async throws {
    do { try await body() } catch {
      connection.reset()
      await stream.breakOff()
      throw error
    }
  }
  let outward = machine.spawn("what a connection says") {
    try await whole {
      while let bytes = try await connection.read(atMost: ForwardLimits.pieceBytes) {
        try await stream.write(bytes)
      }
      try await stream.finish()
    }
  }
  let inward = machine.spawn("what a stream says") {
    try await whole {
      while let bytes = try await stream.read(atMost: ForwardLimits.pieceBytes) {
        try await connection.write(bytes)
      }
      try connection.finish()
    }
  }
  let results = await withTaskCancellationHandler {
    (await outward.result, await inward.result)
  } onCancel: {
    outward.cancel()
    inward.cancel()
  }
  connection.close()
  try results.0.get()
  try results.1.get()
}

extension Connection.Stream {
  /// Ends both ways at once, whatever is still on its way.
  func breakOff() async {
    await reset(code: ForwardLimits.brokenOff)
    await stop(code: ForwardLimits.brokenOff)
  }
}
