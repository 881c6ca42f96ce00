import WarrenMachine

/// Writes down what happens in a world as a pcapng file, which Wireshark opens.
///
/// ```swift
/// let capture = Capture(of: world) { bytes in file.write(bytes) }
/// try await world.run { … }
/// capture.finish()
/// ```
///
/// Each machine is an interface, each side of a NAT is one, and so is the internet, where packets are seen that get lost in it. A packet
/// that ends says where and why in a comment. Writing changes nothing in the run.
public final class Capture: @unchecked Sendable {
  // Used where its world is, on the thread of its run: hence `@unchecked`.

  /// What the interfaces are called, in their order.
  public private(set) var interfaces: [String] = []

  private let write: ([UInt8]) -> Void
  private var sides: [Int: Sides] = [:]
  /// What was seen in this instant. It is written when time goes on: what becomes of a packet is known by then.
  private var sightings: [Sighting] = []
  private var instant = Instant(nanoseconds: 0)
  private var secrets = ""

  /// Which interfaces a place has, and how it is spoken of.
  private struct Sides {
    var inside, outside: UInt32
    var words: String
  }

  private struct Sighting {
    var packet: Packet
    var interface: UInt32
    var isOutgoing: Bool
    var comment: String?
  }

  /// A capture of a run that has not begun.
  ///
  /// - Parameters:
  ///   - places: the machines and NATs at which packets are seen, and `internet`; nil for all. Wireshark takes what it sees on both sides
  ///     of a NAT for sent twice, and cannot read a connection then: one place alone can be read.
  ///   - comment: what the file says of itself.
  ///   - write: takes the file's bytes, as they come.
  public init(
    of world: World, at places: Set<String>? = nil, comment: String = "",
    to write: @escaping ([UInt8]) -> Void
  ) {
    self.write = write
    write(PcapngBlock.section(comment))
    func isSeen(_ name: String) -> Bool { places?.contains(name) ?? true }
    for machine in world.machinesInOrder where isSeen(machine.name) {
      let interface = add(machine.name, machine.attachments.flatMap(\.addresses))
      sides[machine.place.id] = Sides(inside: interface, outside: interface, words: "by \(machine.name)")
    }
    for box in world.boxesInOrder where isSeen(box.name) {
      let inside = add("\(box.name), inside", box.inside.addresses)
      let outside = add("\(box.name), outside", box.outside.addresses)
      sides[box.place.id] = Sides(inside: inside, outside: outside, words: "by \(box.name)")
      let network = box.inside.network.place
      sides[network.id] = Sides(inside: inside, outside: inside, words: network.name)
    }
    let internet = world.internet.place
    if isSeen(internet.name) {
      let interface = add(internet.name, [])
      sides[internet.id] = Sides(inside: interface, outside: interface, words: "in the internet")
    }
    world.capture = self
  }

  private func add(_ name: String, _ addresses: [NetworkInterface.Address]) -> UInt32 {
    write(PcapngBlock.interface(name, addresses.map(\.ip.description).joined(separator: ", ")))
    interfaces.append(name)
    return UInt32(interfaces.count - 1)
  }

  /// Takes a line of an `SSLKEYLOGFILE`: what is encrypted with that secret can be read in the capture.
  public func take(secret line: String) { secrets += line + "\n" }

  /// Writes what is not written yet: the run is over.
  public func finish() {
    // A secret is older than what is encrypted with it.
    if !secrets.isEmpty { write(PcapngBlock.secrets(secrets)) }
    secrets = ""
    let time = UInt64((SimulatorLimits.epoch + .nanoseconds(instant.nanoseconds)).wholeNanoseconds)
    for sighting in sightings {
      write(
        PcapngBlock.packet(
          sighting.packet.bytes, number: sighting.packet.number, on: sighting.interface,
          isOutgoing: sighting.isOutgoing, at: time, comment: sighting.comment))
    }
    sightings.removeAll(keepingCapacity: true)
  }

  // MARK: What the world tells

  /// A packet leaves a machine or box, or arrives there.
  func saw(_ packet: Packet, at attachment: Attachment, _ direction: Arrival.Direction, _ now: Instant) {
    guard let sides = sides[attachment.node.place.id] else { return }
    let isInside = attachment.network.gateway === attachment
    add(packet, isInside ? sides.inside : sides.outside, isOutgoing: direction == .up, now)
  }

  /// A machine sends itself a packet.
  func sawOwn(_ packet: Packet, at place: Trace.Place, _ now: Instant) {
    guard let sides = sides[place.id] else { return }
    add(packet, sides.outside, isOutgoing: true, now)
  }

  /// A packet's way ends.
  func lost(_ packet: Packet, at place: Trace.Place, because reason: String, _ now: Instant) {
    guard let sides = sides[place.id] else { return }
    let comment = "dropped \(sides.words): \(reason)"
    let known =
      now > instant
      ? nil
      : sightings.lastIndex {
        $0.packet.number == packet.number && [sides.inside, sides.outside].contains($0.interface)
      }
    guard let known else {
      return add(packet, sides.outside, isOutgoing: false, comment: comment, now)
    }
    sightings[known].comment = comment
  }

  private func add(
    _ packet: Packet, _ interface: UInt32, isOutgoing: Bool, comment: String? = nil, _ now: Instant
  ) {
    if now > instant {
      finish()
      instant = now
    }
    sightings.append(
      Sighting(packet: packet, interface: interface, isOutgoing: isOutgoing, comment: comment))
  }
}
