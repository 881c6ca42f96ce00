import CMiniUPnPc
import Glibc
import WarrenMachine

/// Speaks UPnP with the gateway on a thread of its own, since the library's calls block for up to seconds.
///
/// The thread is there as long as there are requests, and works on one after another.
final class UPnPThread: Sendable {
  private struct Job {
    var id: UInt64
    var request: UPnPRequest
    var end: @Sendable (Result<UPnPGateway, any Error>) -> Void
  }

  private struct State {
    var lastID: UInt64 = 0
    var queue: [Job] = []
    var isRunning = false
  }

  private let state = Guarded(State())
  /// The gateway that was found last; the thread's own.
  private let gateway = FoundGateway()

  /// Whether there is a thread: as long as there are requests.
  var isRunning: Bool { state.withLock(\.isRunning) }

  /// Works on `request` in its turn, and hands the answer to `end` on the thread.
  ///
  /// - Returns: by what to ``forget(_:)`` it.
  func ask(
    _ request: UPnPRequest, _ end: @escaping @Sendable (Result<UPnPGateway, any Error>) -> Void
  ) -> UInt64 {
    let (id, mustStart) = state.withLock { state in
      state.lastID += 1
      state.queue.append(Job(id: state.lastID, request: request, end: end))
      defer { state.isRunning = true }
      return (state.lastID, !state.isRunning)
    }
    if mustStart { start() }
    return id
  }

  /// Nobody waits for a request any more: it is not begun, unless it is to close something.
  func forget(_ id: UInt64) {
    state.withLock { state in
      state.queue.removeAll { job in
        if case .unmap = job.request { return false }
        return job.id == id
      }
    }
  }

  private func start() {
    var thread = pthread_t()
    let own = Unmanaged.passRetained(self)
    if pthread_create(&thread, nil, runUPnPThread, own.toOpaque()) == 0 {
      pthread_detach(thread)
      return
    }
    own.release()
    while let job = next() { job.end(.failure(NetworkError.outOfResources(doing: "starting a thread"))) }
  }

  fileprivate func run() {
    while let job = next() { job.end(gateway.answer(job.request).mapError { $0 }) }
  }

  private func next() -> Job? {
    state.withLock { state in
      guard state.queue.isEmpty else { return state.queue.removeFirst() }
      state.isRunning = false
      return nil
    }
  }
}

/// What the library knows of a gateway.
private final class FoundGateway: @unchecked Sendable {
  // One thread at a time has it, and the queue's lock stands between two of them: hence `@unchecked`.
  private var found = warren_upnp()

  deinit { warren_upnp_forget(&found) }

  func answer(_ request: UPnPRequest) -> Result<UPnPGateway, UPnPError> {
    if request == .discover || found.is_found == 0 {
      guard find() else { return .failure(.noGateway) }
    }
    let code: Int32 =
      switch request {
      case .discover: 0
      case .map(let transport, let outside, let local, let lifetime):
        warren_upnp_map(&found, transport == .tcp ? 1 : 0, UInt32(outside), UInt32(local), lifetime)
      case .unmap(let transport, let outside):
        warren_upnp_unmap(&found, transport == .tcp ? 1 : 0, UInt32(outside))
      }
    // The library's own numbers, for connections that failed and answers that make no sense, are negative.
    guard code >= 0 else { return .failure(.unreachable) }
    guard code == 0 else { return .failure(.refused(code: Int(code))) }
    return .success(UPnPGateway(address: address, outsideAddress: outsideAddress))
  }

  /// Looks for the gateway among those that the routes lead to.
  private func find() -> Bool {
    guard let gateways = try? RouteTable.gateways(), !gateways.isEmpty else { return false }
    let hosts = gateways.map { " \($0) " }.joined()
    // Most gateways answer at once, and the library waits for silence: only the others cost the longer wait.
    return EventLoopLimits.upnpPatience.contains { warren_upnp_find(&found, hosts, $0) != 0 }
  }

  /// The host of `http://192.168.1.1:5000/control`.
  private var address: IPAddress {
    let url = String(cString: found.urls.controlURL)
    let host = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
    return (try? SocketAddress(host))?.ip ?? (try? IPAddress(host)) ?? .any(.v4)
  }

  private var outsideAddress: IPAddress? {
    var text = [CChar](repeating: 0, count: 64)
    guard warren_upnp_outside(&found, &text) == 0 else { return nil }
    let address = text.withUnsafeBufferPointer { try? IPAddress(String(cString: $0.baseAddress!)) }
    guard let address, !address.isUnspecified else { return nil }
    return address
  }
}

private func runUPnPThread(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<UPnPThread>.fromOpaque(pointer!).takeRetainedValue().run()
  return nil
}
