import WarrenMachine

/// A captive portal: what those inside say to anybody over TCP goes to one who answers in everybody's place, and nothing else passes.
struct Captivity: Sendable {
  /// Who answers; nil where everybody is let through.
  private(set) var portal: SocketAddress?
  /// Whom each socket inside believes to talk with.
  private var believed: [SocketAddress: SocketAddress] = [:]

  mutating func hold(for portal: SocketAddress?) {
    self.portal = portal
    if portal != nil { believed = [:] }
  }

  /// On the way out.
  mutating func divert(_ packet: inout Packet) throws(NATDropReason) {
    guard let portal else { return }
    guard packet.transport == .tcp, packet.destination.ip.family == portal.ip.family else { throw .captive }
    guard packet.destination != portal else { return }
    believed[packet.source] = packet.destination
    packet.destination = portal
  }

  /// On the way in.
  func disguise(_ packet: inout Packet) throws(NATDropReason) {
    guard let portal else { return }
    guard packet.source == portal, packet.transport == .tcp else { throw .captive }
    if let other = believed[packet.destination] { packet.source = other }
  }
}

extension NATCore {
  /// Has a portal answer those inside; with nil they are let through.
  public mutating func hold(for portal: SocketAddress?) { captivity.hold(for: portal) }
}
