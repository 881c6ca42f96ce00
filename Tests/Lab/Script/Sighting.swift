import WarrenMachine

/// What one world did with a packet, as it was seen.
struct Sighting: Sendable {
  var arrivals: [(at: Player, from: SocketAddress)] = []
  /// Whether its sender was told that it could not get there.
  var isRefused = false
  /// When it was sent, since the script began.
  var sentAt = Duration.zero
}
