import WarrenMachine

// What an attacker can do who stands in the same network.
extension SimulatedMachine {
  /// Sends a packet as it is, whatever it says of its source.
  public func forge(_ packet: Packet) {
    var packet = packet
    world.number(&packet)
    world.record(.sent(Trace.Summary(packet)), at: place)
    world.carry(packet, over: attachments[0], .up)
  }

  /// Says of others' addresses that they are its own, to every program that asks for its interfaces.
  public func pretends(to addresses: [IPAddress]) { pretended = addresses }

  /// Shows each packet that passes the network that it hangs on, as on a shared cable.
  public func eavesdrop(_ look: @escaping (Packet) -> Void) {
    attachments[0].network.eavesdroppers.append(look)
  }
}
