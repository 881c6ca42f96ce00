import WarrenCrypto
import WarrenMachine
import WarrenMesh
import WarrenQUIC

/// Files, over streams of their own.
extension Mesh {
  /// Sends a file or a folder to a member; see ``FileExchange``. It goes on over another connection where one breaks.
  public func send(file path: String, to id: PeerID) async throws -> FileTransfer {
    try checkIsThere(id)
    change { $0.hold(id, true, at: $1) }
    do {
      let transfer = try await files.send(path) { try await self.connected(with: id) }
      machine.spawn("the end of \(path)") {
        _ = try? await transfer.finished()
        self.change { $0.hold(id, false, at: $1) }
      }
      return transfer
    } catch {
      change { $0.hold(id, false, at: $1) }
      throw error
    }
  }

  /// The connection with a member, as soon as there is one.
  private func connected(with id: PeerID) async throws -> Connection {
    if let connection = connection(with: id) { return connection }
    let connection = try await peer.connect(to: id, at: core.membership.member(id)?.addresses ?? [])
    try await greet(connection)
    return connection
  }

  func takeFile(_ stream: Connection.Stream, of link: MeshLink) async {
    // Who has come knows sooner than this one that both have said who they are.
    guard (try? await waitUntilOpen(link)) != nil else {
      return await stream.leave(FileTransferError(.interrupted, "the connection is over"), saysWhy: false)
    }
    let rest = FileExchange.streamMark.dropFirst()
    guard (try? await stream.read(exactly: rest.count)) == Array(rest) else {
      return await stream.leave(
        FileTransferError(.refused, "files are not taken here"), saysWhy: false)
    }
    await files.take(stream, from: link.peer)
  }
}
