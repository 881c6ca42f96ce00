import Warren

extension PeerProgram {
  /// By what others reach `peer`, once they do: its key, and where no registry knows it, its address as well.
  func placeToReach(_ peer: Peer) async throws -> String {
    if configuration.registry != nil {
      // Who cannot be found need not wait.
      try await peer.waitToBeFound()
      return "\(peer.id)"
    }
    let address = Self.likeliest(of: await peer.hostAddresses())
    return "\(peer.id)" + (address.map { "@\($0)" } ?? "")
  }

  /// By which address others reach it most likely.
  private static func likeliest(of addresses: [SocketAddress]) -> SocketAddress? {
    addresses.first { $0.ip.isLoopback && $0.ip.family == .v4 }
      ?? addresses.first { $0.ip.family == .v4 } ?? addresses.first
  }
}
