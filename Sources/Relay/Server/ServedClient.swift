import WarrenMachine

/// A client as a relay's server tells clients apart: by where it is, and by where it has come in (RFC 8656, 2.2).
public struct ServedClient: Hashable, Sendable {
  /// Where it is.
  public var address: SocketAddress
  /// To which of the server's addresses it sends, where its port is that of several.
  public var localIP: IPAddress?
  /// The number of the server's UDP socket, or of the connection.
  public var number: Int
  /// Whether it is connected, over TCP or TLS.
  public var isConnected: Bool

  /// A client that sends datagrams to the server's socket of a number.
  public init(_ address: SocketAddress, at socket: Int, localIP: IPAddress? = nil) {
    (self.address, number, self.localIP, isConnected) = (address, socket, localIP, false)
  }

  /// A client that has connected.
  public init(_ address: SocketAddress, connection: Int) {
    (self.address, number, localIP, isConnected) = (address, connection, nil, true)
  }
}
