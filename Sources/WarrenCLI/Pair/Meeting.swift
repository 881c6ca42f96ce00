import Warren

/// How two who know the same secret find each other: whoever comes first waits, and the other one asks.
struct Meeting: Sendable {
  /// How long it is paused where two are in each other's way, at most: they are not to be again.
  private static let pause = 50...250

  let secret: String
  let mayAsk: Bool
  let mayWait: Bool
  /// Over which kind of way they are to be connected; nil for any.
  let kind: Path.Kind?
  let tries: Int
  let timeout: Duration

  /// The connection with the other one.
  func meet(_ peer: Peer) async throws -> Connection {
    let start = peer.machine.now
    var connection: Connection
    do {
      connection = try await peer.machine.withDeadline(timeout) { try await find(by: peer) }
    } catch is DeadlineExceeded {
      throw PeerError(.notFound, "nobody has come with this secret within \(timeout)")
    }
    guard let kind else { return connection }
    for left in (0..<tries).reversed() {
      if await connection.path.kind == kind { break }
      do {
        // As long as a wish is granted usually, and no longer than this one was to take.
        let time = max(.seconds(1), timeout - start.duration(to: peer.machine.now))
        try await connection.prefer(kind, patience: min(time, PathLimits.wish))
      } catch let error as PeerError where error.code == .noPath {
        guard left == 0 else { continue }
        await connection.close(code: Pipe.noWay, reason: "no \(kind.rawValue) way has opened")
        throw PeerError(.noPath, "no \(kind.rawValue) way has opened: without --tcp and --udp any will do")
      }
      connection = await peer.connection(with: connection.peer!) ?? connection
    }
    return connection
  }

  private func find(by peer: Peer) async throws -> Connection {
    var left = tries
    var random = peer.machine.random
    while true {
      do {
        if mayAsk { return try await peer.connect(withKey: secret) }
      } catch let error as PeerError {
        switch error.code {
        case .notFound where mayWait: break
        case .noPath, .notReachable:
          left -= 1
          if left == 0 { throw error }
          continue
        default: throw error
        }
      }
      do {
        if mayWait { return try await peer.wait(forKey: secret) }
      } catch let error as PeerError {
        switch error.code {
        // The registry lets nobody wait for ever.
        case .notFound: break
        // The other one was faster, and waits.
        case .registry(.keyInUse) where mayAsk: break
        case .noPath, .notReachable:
          left -= 1
          if left == 0 { throw error }
          continue
        default: throw error
        }
      }
      try await peer.machine.sleep(for: .milliseconds(Int.random(in: Self.pause, using: &random)))
    }
  }
}
