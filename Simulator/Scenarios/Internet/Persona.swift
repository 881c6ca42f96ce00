import Warren
import WarrenSimulator

/// Somebody on the internet: where they are, and how many of all are there.
///
/// The weights are our own. With them plain punching over IPv4 succeeds for 73 % of the pairs behind NATs, within what libp2p has
/// measured (70 ± 7 %).
public struct Persona: Sendable {
  /// What they are called.
  public var name: String
  /// How many of a hundred.
  public var weight: Int
  /// The boxes before them, the innermost first; the last is a carrier's, and others' as well, where ``hasCarrier`` says so.
  var boxes: [NATConfiguration]
  var hasCarrier = false
  var link: LinkPair
  /// Whether some of them speak IPv6 as well.
  var maySpeakIPv6 = true
  var mapsPorts = false

  private init(
    _ name: String, _ weight: Int, _ boxes: [NATConfiguration], _ link: LinkPair,
    _ change: (inout Persona) -> Void = { _ in }
  ) {
    (self.name, self.weight, self.boxes, self.link) = (name, weight, boxes, link)
    change(&self)
  }

  /// A carrier's that gives customers blocks of ports, and each destination another one of them.
  private static let symmetricCarrier = NATConfiguration.carrierGrade.changed {
    $0.mapping = .addressAndPortDependent
    $0.filtering = .addressAndPortDependent
  }
  private static let mobileCarrier = NATConfiguration.carrierGrade.changed {
    $0.filtering = .addressAndPortDependent
  }
  private static let symmetricMobile = symmetricCarrier.changed {
    $0.portBlock = nil
    $0.mappingLimitPerHost = nil
  }
  private static let proxiedOffice = NATConfiguration.symmetric.changed { $0.blocksUDP = true }
  private static let homeThatMaps = NATConfiguration.portRestrictedCone.mappingPorts(by: .pcp, .natPMP, .upnp)

  /// All that there are.
  public static let all: [Persona] = [
    Persona("public host", 5, [], .lan),
    Persona("home", 34, [.portRestrictedCone], .dsl),
    Persona("home that minds addresses alone", 6, [.restrictedCone], .dsl),
    Persona("home that lets everyone in", 8, [.fullCone], .dsl),
    Persona("home that maps ports", 9, [homeThatMaps], .dsl) { $0.mapsPorts = true },
    Persona("home behind a carrier", 8, [.portRestrictedCone, .carrierGrade], .dsl) { $0.hasCarrier = true },
    Persona("home behind a hard carrier", 2, [.portRestrictedCone, symmetricCarrier], .dsl) {
      $0.hasCarrier = true
    },
    Persona("phone", 8, [mobileCarrier], .lte) { $0.hasCarrier = true },
    Persona("phone of a hard carrier", 6, [symmetricMobile], .lte) { $0.hasCarrier = true },
    Persona("office", 4, [.symmetric], .lan) { $0.maySpeakIPv6 = false },
    Persona("office without UDP", 3, [proxiedOffice], .lan) { $0.maySpeakIPv6 = false },
    Persona("hotel", 1, [.onlyHTTPS], .wifi) { $0.maySpeakIPv6 = false },
    Persona("cloud", 3, [.fullCone], .lan),
    Persona("cloud behind a gateway", 2, [.symmetric], .lan) { $0.maySpeakIPv6 = false },
    Persona("home that hides ports", 1, [.symmetric], .dsl),
  ]

  /// After how many seconds NATs forget, and how many of a hundred do then.
  static let lifetimes: [(seconds: Int, weight: Int)] = [
    (10, 1), (20, 4), (30, 20), (35, 12), (60, 18), (65, 8), (120, 20), (180, 9), (300, 8),
  ]
}
