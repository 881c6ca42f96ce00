/// The limits of this room, each with its reason.
enum EventLoopLimits {
  /// Jobs that run before sockets, timers and other threads are looked at again: a look costs as much as ten.
  static let jobsInARow = 128
  /// Buffers that one call receives into: what arrives while the last batch is handled, seldom more.
  static let receiveBuffers = 16
  /// The size of each: what the kernel joins at most (UDP GRO), and more than any datagram.
  static let receiveBufferBytes = 65_536
  /// Calls to receive in a row for one socket, so that the others have their turn.
  static let receivesInARow = 8
  /// Runs that one call sends: what `cd_send` puts into one `sendmmsg`.
  static let runsPerSend = 64
  /// For how many milliseconds of silence a UPnP gateway is looked for: most answer at once, and others take up
  /// to the second that the question allows them (UPnP Device Architecture 1.0, 1.2.3).
  static let upnpPatience: [Int32] = [250, 1000]
  /// Connections that wait to be accepted; the system may hold fewer (`net.core.somaxconn`).
  static let listenBacklog: Int32 = 1024
}
