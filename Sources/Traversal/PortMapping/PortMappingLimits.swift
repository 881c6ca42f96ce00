import WarrenMachine

/// The limits of port mapping, each with its reason.
public enum PortMappingLimits {
  /// Where gateways listen for PCP and NAT-PMP (RFC 6887, 19).
  static let serverPort: UInt16 = 5351
  /// How long a program waits for its first mapping: gateways are one hop away, and people wait.
  public static let patience = Duration.seconds(2)
  /// What is asked for: the two hours that RFC 6886, 3.3 recommends.
  static let lifetime: UInt32 = 7200
  /// The longest lifetime that is believed: a gateway that grants years is wrong, or forgets sooner.
  static let longestLifetime: UInt32 = 86_400
  /// The shortest time between two renewals, however short a lifetime is granted (RFC 6887, 11.2.1).
  static let shortestRenewal = Duration.seconds(4)
  /// When a lease is renewed, as a part of its lifetime (RFC 6887, 11.2.1).
  static let renewal = 0.5...0.625

  /// The first pause of PCP. RFC 6887, 8.1.1 has 3 s for servers of any distance; home gateways answer within
  /// milliseconds, and a person waits for the first mapping.
  static let pcpFirstPause = Duration.milliseconds(100)
  /// The longest pause of PCP: MRT of RFC 6887, 8.1.1.
  static let pcpLongestPause = Duration.seconds(1024)
  /// The first pause of NAT-PMP (RFC 6886, 3.1).
  static let natPMPFirstPause = Duration.milliseconds(250)
  /// The longest pause of NAT-PMP, which it reaches with its ninth and last question (RFC 6886, 3.1).
  static let natPMPLongestPause = Duration.seconds(64)
  /// How much chance is in each pause (RFC 6887, 8.1.1).
  static let pauseJitter = 0.9...1.1
  /// How long PCP may take before NAT-PMP, which has answered, is told to map: a gateway that speaks both shall
  /// map once, and one that drops what it does not understand shall not cost the whole patience.
  static let pcpHeadStart = Duration.milliseconds(150)

  /// How often a gateway is asked whether it has restarted: what nobody notices stays closed for half a lifetime.
  static let checkInterval = Duration.seconds(60)
  /// The same by UPnP, where it costs a TCP connection and a mapping request.
  static let upnpCheckInterval = Duration.seconds(300)
  /// How often such a question is repeated before the next interval is waited for.
  static let checkTries = 4
  /// How often a withdrawal is sent: closing may not take long, and lifetimes end what it does not reach.
  static let withdrawalTries = 4
  /// How long withdrawing may take altogether; UPnP's calls may block longer, and are then left to themselves.
  static let withdrawalPatience = Duration.seconds(3)
  /// How long an error of a gateway is believed at most before it is asked again.
  static let longestRefusal = Duration.seconds(1800)

  /// Gateways that are asked at once; machines have one, those with a tunnel two.
  static let gateways = 3
  /// Outside ports that are tried by UPnP, where gateways do not choose one themselves.
  static let upnpPorts = 8
  /// How long until a request by UPnP that failed is tried again.
  static let upnpRetry = Duration.seconds(30)
  /// The pause before a lost mapping is asked for again, doubled each time.
  static let firstReturn = Duration.seconds(5)
  /// The longest such pause: a gateway that comes back is found within ten minutes.
  static let longestReturn = Duration.seconds(600)
  /// Changes that are kept for who reads them slowly.
  static let keptChanges = 64
  /// The largest request: PCP's MAP without options (RFC 6887, 11.1).
  static let requestBytes = 60
  /// The largest PCP message (RFC 6887, 7).
  static let largestPCPMessage = 1100
}
