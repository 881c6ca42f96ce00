/// A listening TCP socket of a machine, used by whoever runs on the machine's executor, and by nobody else.
public protocol TCPListener: AnyObject {
  /// The machine it belongs to.
  var machine: any Machine { get }
  /// Where it listens, with the port that the system chose.
  var localAddress: SocketAddress { get }
  /// Called as long as ``acceptNow()`` would return a connection.
  var onConnection: (() -> Void)? { get set }

  /// The next connection that others have opened; nil where there is none yet.
  func acceptNow() throws(NetworkError) -> (any TCPConnection)?
  /// Stops listening and forgets the handler. Closing twice is no error.
  func close()
}

extension TCPListener {
  /// The next connection that others open.
  public func accept() async throws -> any TCPConnection {
    while true {
      if let connection = try acceptNow() { return connection }
      precondition(onConnection == nil, "somebody already waits to accept")
      let local = localAddress
      var connection: (any TCPConnection)?
      try await machine.suspend({ "accept on TCP \(local)" }) { (wait: Wait<Void>) in
        // Others may have closed it since it was looked at: then it forgets handlers no more.
        connection = try acceptNow()
        if connection != nil { return wait.succeed(()) }
        wait.onEnd = { [weak self] in self?.onConnection = nil }
        onConnection = SocketWaker(wait).handler
      }
      if let connection { return connection }
    }
  }
}
