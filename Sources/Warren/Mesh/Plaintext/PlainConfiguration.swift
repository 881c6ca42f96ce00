import WarrenMachine
import WarrenMesh

extension PlainMesh {
  /// How a node is to be. Where the original has a figure, it is the default.
  public struct Configuration: Sendable {
    /// By what it is told from others; nil makes one up.
    public var id: String?
    /// What it calls itself; nil calls it as it is identified.
    public var name: String?
    /// Where it listens: all IPv4 addresses at any free port, unless another is named.
    public var address = SocketAddress.any(.v4)
    /// Whom it knows at the beginning.
    public var bootstraps: [SocketAddress] = []
    /// With how many it is connected at most.
    public var mostPeers = PlainLimits.peers
    /// How often it asks each whether it is there.
    public var pingInterval = PlainLimits.pingInterval
    /// How often it asks each whom it knows.
    public var discoveryInterval = PlainLimits.discoveryInterval
    /// After how long without a word it takes somebody for dead.
    public var peerTimeout = PlainLimits.peerTimeout
    /// How long opening a connection may take, and saying who one is.
    public var connectTimeout = PlainLimits.connectTimeout
    /// How large a message of bytes may be that is sent or taken.
    public var messageBytes = PlainLimits.messageBytes
    /// How many bytes of events wait until somebody reads ``PlainMesh/events``.
    public var waitingBytes = 4 << 20
    /// Whether there are events about what keeps the mesh together, too.
    public var tellsOfPings = false

    /// As the original is.
    public init() {}
  }
}

extension PlainMesh.Configuration {
  func check() throws(PlainError) {
    guard mostPeers >= 1, messageBytes >= 1 else {
      throw PlainError(.badConfiguration, "a node has at least one peer, and a message at least one byte")
    }
    for interval in [pingInterval, discoveryInterval, peerTimeout, connectTimeout] where interval <= .zero {
      throw PlainError(
        .badConfiguration, "an interval of \(interval) is none: name one that is longer than nothing")
    }
  }

  var settings: PlainLinkCore.Settings {
    var settings = PlainLinkCore.Settings()
    settings.pingInterval = pingInterval
    settings.discoveryInterval = discoveryInterval
    settings.peerTimeout = peerTimeout
    settings.connectTimeout = connectTimeout
    settings.messageBytes = messageBytes
    return settings
  }
}
