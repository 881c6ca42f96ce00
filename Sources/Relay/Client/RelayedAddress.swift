import WarrenMachine

/// What uses an allocation: for datagrams or for TCP.
protocol RelayedAddress: AnyObject, Sendable {
  /// What the relay wants requests to be signed with.
  var challenge: RelayChallenge? { get }

  /// Uses what `core` asks for by `carrier`.
  ///
  /// - Parameter security: how the server is spoken to over TLS, where it is.
  init(
    _ core: AllocationCore, over carrier: any RelayCarrier, _ security: RelaySecurity?,
    at server: RelayServerAddress, on machine: any Machine)
  /// Asks the relay, and waits for what it says.
  func allocated() async throws -> RelayOutcome
  /// Gives the address back.
  func close()
}

/// What has become of asking for an address.
enum RelayOutcome: Sendable {
  case allocated
  case redirected(SocketAddress, domain: String?)
  case failed(RelayError)
}
