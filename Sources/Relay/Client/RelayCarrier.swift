import WarrenMachine

/// What carries a client's messages to a relay and back: UDP, TCP, or TLS over it.
///
/// It holds whoever uses it only through its socket's handlers, which closing forgets.
protocol RelayCarrier: AnyObject {
  /// Where the relay is.
  var server: SocketAddress { get }
  /// This side's address.
  var localAddress: SocketAddress { get }
  /// Whether it loses nothing.
  var isReliable: Bool { get }
  /// Whether something waits to leave.
  var isBlocked: Bool { get }

  /// Hands what arrives to `user` from now on.
  func start(_ user: any RelayCarrierUser)
  /// Takes what a channel carries. False where there is no room until some has left.
  func append(channel: UInt16, _ payload: RawSpan, ecn: ECN) -> Bool
  /// Takes a message. False where there is no room until some has left.
  func append(message: RawSpan, ecn: ECN, isData: Bool) -> Bool
  /// Has leave what can.
  func flush(_ user: any RelayCarrierUser) throws(NetworkError)
  /// Closes it. What was written leaves if it can.
  func close()
}

/// Who uses a carrier.
protocol RelayCarrierUser: AnyObject {
  /// A message or what a channel carries has arrived, in one piece.
  func received(_ bytes: RawSpan, ecn: ECN)
  /// That was all for now.
  func receivedAll()
  /// There is room again.
  func becameWritable()
  /// Somebody says that what begins so has not reached the relay.
  func undelivered(_ excerpt: [UInt8], _ error: NetworkError)
  /// It has ended by itself.
  func carrierEnded(_ error: RelayError)
}
