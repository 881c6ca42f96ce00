import Testing
import WarrenEventLoop
import WarrenMachine

/// A datagram as it arrived.
struct Received: Equatable, Sendable {
  var payload: [UInt8]
  var source: SocketAddress
  var localIP: IPAddress?
  var ecn: ECN
  var hopLimit: UInt8?
}

/// Keeps copies of what arrives at a socket; used on its machine's executor.
final class Inbox: @unchecked Sendable {
  private(set) var datagrams: [Received] = []
  private(set) var failures: [DeliveryFailure] = []
  /// The segments of each run, as it was handed on.
  private(set) var runs: [Int] = []
  private let machine: any Machine
  private var check: (() -> Void)?

  init(of socket: any UDPSocket) {
    machine = socket.machine
    socket.onDatagrams = { [unowned self] batch in
      batch.forEach { datagram in
        datagrams.append(
          Received(
            payload: datagram.payload.withUnsafeBytes { Array($0) }, source: datagram.source,
            localIP: datagram.localIP, ecn: datagram.ecn, hopLimit: datagram.hopLimit))
      }
      batch.forEachRun { runs.append($0.count) }
      check?()
    }
    socket.onDeliveryFailure = { [unowned self] failure in
      failures.append(failure)
      check?()
    }
  }

  /// Waits until so many datagrams have arrived.
  func wait(for count: Int) async throws {
    try await wait("\(count) datagrams") { $0.datagrams.count >= count }
  }

  /// Waits until so many reports have come.
  func wait(forFailures count: Int) async throws {
    try await wait("\(count) failures") { $0.failures.count >= count }
  }

  private func wait(_ what: String, until condition: @escaping (Inbox) -> Bool) async throws {
    if condition(self) { return }
    try await machine.suspend({ what }) { (wait: Wait<Void>) in
      check = { [unowned self] in if condition(self) { wait.succeed(()) } }
      wait.onEnd = { [unowned self] in check = nil }
    }
  }
}

/// Runs `body` on a machine that is closed afterwards, and must then have nothing open and nobody waiting.
@discardableResult
func withLocalMachine<Value: Sendable>(
  _ body: @escaping @Sendable (LocalMachine) async throws -> Value
) async throws -> Value {
  let machine = LocalMachine()
  let result = try await machine.run { () async -> Result<Value, any Error> in
    do { return .success(try await body(machine)) } catch { return .failure(error) }
  }
  await machine.close()
  let open = await withUnsafeContinuation { continuation in
    machine.submit { continuation.resume(returning: machine.openHandles) }
  }
  #expect(open == 0)
  #expect(machine.waits.waiting.isEmpty)
  return try result.get()
}
