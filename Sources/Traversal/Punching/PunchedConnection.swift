import WarrenMachine

/// Datagrams between this machine and the other side, for those who want no more than that.
///
/// They go over the best way that the puncher has, and what arrives comes from the peer's proven addresses alone.
/// Nothing is sent again and nothing is hidden: whoever knows the peer's address and can forge it can still send in its
/// name, so encrypt what matters.
public struct PunchedConnection: Sendable {
  private let puncher: HolePuncher
  /// What the other side sends. Who reads slowly loses the oldest.
  public let datagrams: AsyncStream<[UInt8]>

  init(_ puncher: HolePuncher, _ datagrams: AsyncStream<[UInt8]>) {
    self.puncher = puncher
    self.datagrams = datagrams
  }

  /// The way that is used now; nil while there is none.
  public var path: PunchedPath? { get async { await puncher.currentPath } }

  /// Sends a datagram.
  ///
  /// - Throws: ``PunchError/noPath`` while there is no way to the other side.
  public func send(_ bytes: [UInt8]) async throws { try await puncher.send(bytes) }

  /// Closes the connection, and the puncher with it.
  public func close() async { await puncher.close() }
}
