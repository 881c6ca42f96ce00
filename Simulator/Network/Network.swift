import WarrenMachine

/// A network that machines and boxes hang on: a home's cable, a carrier's inside, the internet.
///
/// It knows the way to each of its addresses. What it does not know goes to its gateway, if it has one.
final class Network {
  let place: Trace.Place
  /// How many routers a packet crosses within the network: none in a house, several in the internet.
  var routers: UInt8
  /// Where what is not of this network goes.
  var gateway: Attachment?
  /// Which of its addresses are free.
  var plan: AddressPlan
  /// Whether its machines reach its gateway alone.
  var isolates = false
  /// What is spoken in it; nil where that is for each machine to say.
  var families: Set<IPAddress.Family>?
  /// Those who see whatever passes.
  var eavesdroppers: [(Packet) -> Void] = []
  /// Pairs of attachments between which nothing passes, one way.
  private var cuts: Set<Cut> = []
  private var attachments: [IPAddress: Attachment] = [:]
  private var routes: [(prefix: IPPrefix, via: Attachment)] = []

  private struct Cut: Hashable {
    var from: ObjectIdentity
    var to: ObjectIdentity
  }

  init(place: Trace.Place, routers: UInt8, plan: AddressPlan) {
    self.place = place
    self.routers = routers
    self.plan = plan
  }

  func attach(_ attachment: Attachment) {
    for address in attachment.addresses { attach(attachment, as: address.ip) }
  }

  func attach(_ attachment: Attachment, as address: IPAddress) {
    precondition(attachments[address] == nil, "\(address) is there twice in \(place.name)")
    attachments[address] = attachment
  }

  func detach(_ address: IPAddress) { attachments[address] = nil }

  func addRoute(to prefix: IPPrefix, via attachment: Attachment) {
    routes.append((prefix, attachment))
    // The longest prefix wins: the first that fits.
    routes.sort { $0.prefix.length > $1.prefix.length }
  }

  /// Stops everything on its way from one attachment to another.
  func cut(from: Attachment, to: Attachment) {
    cuts.insert(Cut(from: ObjectIdentity(from), to: ObjectIdentity(to)))
  }

  func mend(from: Attachment, to: Attachment) {
    cuts.remove(Cut(from: ObjectIdentity(from), to: ObjectIdentity(to)))
  }

  /// What becomes of a packet in the network.
  enum Decision {
    /// It goes on, with so many less to cross as there are routers.
    case pass(to: Attachment)
    case drop(DropCause, report: DeliveryFailure.Reason?, by: IPAddress)
  }

  /// Why a packet ended in a network.
  enum DropCause: String {
    case noRoute = "no way there from this network"
    case hopLimit = "its hop limit ran out"
    case multicast = "multicast is not carried"
    case cut = "the way is cut"
    case isolated = "the network keeps its machines apart"
  }

  /// Where `packet`, which came from `origin`, goes; a report to its sender comes from the network itself.
  func decide(_ packet: Packet, from origin: Attachment?) -> Decision {
    let destination = packet.destination.ip
    if destination.isMulticast { return .drop(.multicast, report: nil, by: router(1, destination.family)) }
    if packet.hopLimit <= routers {
      let last = router(packet.hopLimit, destination.family)
      return .drop(.hopLimit, report: .hopLimitExceeded, by: last)
    }
    guard let target = way(to: destination), target !== origin else {
      return .drop(.noRoute, report: .unreachable, by: router(routers, destination.family))
    }
    if isolates, let gateway, let origin, origin !== gateway, target !== gateway {
      return .drop(.isolated, report: nil, by: router(1, destination.family))
    }
    if !cuts.isEmpty, let origin,
      cuts.contains(Cut(from: ObjectIdentity(origin), to: ObjectIdentity(target)))
    {
      return .drop(.cut, report: nil, by: router(1, destination.family))
    }
    return .pass(to: target)
  }

  private func way(to destination: IPAddress) -> Attachment? {
    if let attachment = attachments[destination] { return attachment }
    if let route = routes.first(where: { $0.prefix.contains(destination) }) { return route.via }
    return gateway
  }

  /// The address of a router within the network, from which it reports: `198.18.0.3` is the third.
  func router(_ index: UInt8, _ family: IPAddress.Family) -> IPAddress {
    switch family {
    case .v4: gateway?.address(.v4) ?? IPAddress(198, 18, 0, max(1, index))
    case .v6: gateway?.address(.v6) ?? IPAddress(v6: 0x2001_0DB8_FFFF_0000, UInt64(max(1, index)))
    }
  }
}

/// An object as a member of a set whose order decides nothing.
struct ObjectIdentity: Hashable {
  private let object: AnyObject

  init(_ object: AnyObject) { self.object = object }

  static func == (left: ObjectIdentity, right: ObjectIdentity) -> Bool { left.object === right.object }

  func hash(into hasher: inout Hasher) {
    hasher.combine(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
  }
}
