import WarrenMachine
import WarrenSimulator

/// A NAT or firewall of the simulator's as rules for this kernel's, which does by them the same to UDP and TCP.
///
/// The kernel gives each flow a port by itself, and lets in answers alone. What is beyond that is made of what `nft` remembers: `places`, to
/// which inside place an outside port belongs, and `spoken`, with whom an outside port has spoken.
struct BoxRules {
  /// Its device towards the outside, and towards the inside.
  static let (outDevice, inDevice) = ("out", "in")

  private let nat: NATConfiguration
  private let outside: IPAddress
  private let customers: [IPAddress]

  /// - Parameter customers: the addresses behind it.
  /// - Throws: ``KernelObstacle`` where the kernel cannot be such a box.
  init(_ configuration: NATConfiguration, outside: IPAddress, customers: [IPAddress]) throws {
    if let obstacle = KernelObstacle(configuration, customers: customers.count) { throw obstacle }
    (nat, self.outside, self.customers) = (configuration, outside, customers.sorted())
  }

  /// What is to be written below `/proc/sys/net` besides.
  var settings: [(name: String, value: Int)] {
    [
      ("netfilter/nf_conntrack_udp_timeout_stream", Self.seconds(nat.lifetimes.udp)),
      ("netfilter/nf_conntrack_udp_timeout", Self.seconds(nat.lifetimes.udpUnreplied ?? nat.lifetimes.udp)),
    ]
  }

  private static func seconds(_ time: Duration) -> Int { max(1, Int(time / .seconds(1))) }

  /// For `nft -f`: in place of what there was.
  var text: String {
    """
    flush ruleset
    table ip box {
      map places {
        type inet_proto . inet_service : ipv4_addr . inet_service
        flags dynamic,timeout
        timeout \(Self.seconds(nat.lifetimes.udp))s
        size 65535
      }
      set spoken {
        type inet_proto . inet_service . ipv4_addr\(mindsPorts ? " . inet_service" : "")
        flags dynamic,timeout
        timeout \(Self.seconds(nat.lifetimes.udp))s
        size 65535
      }
    \(chain("own", "filter hook input priority filter; policy \(nat.unsolicited == .accept ? "accept" : "drop")", own))
    \(chain("through", "filter hook forward priority filter; policy drop", through))
    \(nat.translates ? translation : "")
    }

    """
  }

  private func chain(_ name: String, _ type: String, _ rules: [String]) -> String {
    """
      chain \(name) {
        type \(type);
        \(rules.joined(separator: "\n    "))
      }
    """
  }

  // MARK: Filtering

  private var own: [String] {
    var rules = [#"iifname "lo" accept"#, "ct state established,related accept"]
    if nat.unsolicitedSYN == .reset { rules.append("meta l4proto tcp reject with tcp reset") }
    if nat.unsolicited == .reject { rules.append("reject") }
    return rules
  }

  private var through: [String] {
    var rules: [String] = []
    if nat.blocksUDP { rules.append("meta l4proto udp drop") }
    if let ports = nat.tcpPorts {
      rules.append(#"iifname "in" tcp dport != \#(ports.lowerBound)-\#(ports.upperBound) drop"#)
    }
    rules += ["ct state established,related accept", #"iifname "in" accept"#, "ct status dnat accept"]
    if nat.unsolicited != .drop { rules.append("reject") }
    return rules
  }

  // MARK: Translating

  private var mindsPorts: Bool { nat.filtering == .addressAndPortDependent }

  private var translation: String {
    [
      chain("learn", "filter hook postrouting priority srcnat + 10", learning),
      chain("early", "filter hook prerouting priority mangle", early),
      chain("inbound", "nat hook prerouting priority dstnat", inbound),
      chain("outbound", "nat hook postrouting priority srcnat", outbound),
    ].joined(separator: "\n")
  }

  private static let flows = "meta l4proto { tcp, udp }"

  private var learning: [String] {
    let place = "update @places { meta l4proto . th sport"
    return [
      #"oifname "out" \#(Self.flows) ct direction original \#(place) : ct original ip saddr . ct original proto-src }"#,
      #"oifname "out" \#(Self.flows) ct direction reply \#(place) : ct reply ip saddr . ct reply proto-src }"#,
      #"oifname "out" \#(Self.flows) \#(spoken("th sport", "ip daddr", "th dport"))"#,
    ]
  }

  private func spoken(_ port: String, _ address: String, _ remotePort: String) -> String {
    "update @spoken { meta l4proto . \(port) . \(address)\(mindsPorts ? " . \(remotePort)" : "") }"
  }

  /// Whoever calls another inside has spoken with it, whether it is let in or not. Its port is the one that it has: see ``KernelObstacle``.
  private var early: [String] {
    guard turnsRound, nat.filtering != .endpointIndependent else { return [] }
    let own = #"iifname "in" ip daddr \#(outside) \#(Self.flows)"#
    return [
      "\(own) \(spoken("th sport", "ip daddr", "th dport"))",
      "\(own) update @places { meta l4proto . th sport : ip saddr . th sport }",
    ]
  }

  private var turnsRound: Bool { nat.hairpinning != .off && customers.count > 1 }

  private var inbound: [String] {
    let translate = "dnat ip to meta l4proto . th dport map @places"
    var rules: [String] = []
    if !mindsPorts { rules.append(#"iifname "out" \#(admission(of: "ip saddr")) \#(translate)"#) }
    if turnsRound {
      // It comes from the sender's own outside place.
      rules.append(#"iifname "in" ip daddr \#(outside) \#(admission(of: "ip daddr")) \#(translate)"#)
    }
    return rules
  }

  private func admission(of address: String) -> String {
    switch nat.filtering {
    case .endpointIndependent: Self.flows
    case .addressDependent: "meta l4proto . th dport . \(address) @spoken"
    case .addressAndPortDependent: "meta l4proto . th dport . \(address) . th sport @spoken"
    }
  }

  private var outbound: [String] {
    var ways = [#"oifname "out""#]
    if turnsRound, nat.hairpinning == .externalSource { ways.append(#"oifname "in" ct status dnat"#) }
    return ways.flatMap { way -> [String] in
      guard nat.portBlock != nil else {
        return ["\(way) \(Self.flows) \(port(in: nat.ports))", "\(way) snat to \(outside)"]
      }
      let blocks = customers.enumerated().map { index, customer in
        "\(way) ip saddr \(customer) \(Self.flows) \(port(in: block(index)))"
      }
      return blocks + ["\(way) snat to \(outside)"]
    }
  }

  private func block(_ index: Int) -> ClosedRange<UInt16> {
    let size = nat.portBlock!.size
    let first = (Int(nat.ports.lowerBound) + size - 1) / size * size + index * size
    return UInt16(first)...UInt16(first + size - 1)
  }

  /// How a flow gets its outside port.
  private func port(in ports: ClosedRange<UInt16>) -> String {
    if nat.keepsPort, nat.portBlock == nil {
      return nat.overloadsPorts ? "masquerade" : "snat to \(outside)"
    }
    switch (nat.mapping, nat.portChoice) {
    case (.addressAndPortDependent, .random):
      return "snat to \(outside):\(ports.lowerBound)-\(ports.upperBound) fully-random"
    case (.addressAndPortDependent, .sequential):
      return "snat ip to \(outside) : numgen inc \(Self.choice(of: ports))"
    // The same always follows from the same.
    case (.addressDependent, _):
      return "snat ip to \(outside) : jhash ip saddr . th sport . ip daddr \(Self.choice(of: ports, seed: 1))"
    case (.endpointIndependent, _):
      return "snat ip to \(outside) : jhash ip saddr . th sport \(Self.choice(of: ports, seed: 1))"
    }
  }

  /// One of these ports for a number; of the first thousands where there are more: a list, since `nft` takes a number's bytes for a port's
  /// the other way round. Without a seed each rule has its own.
  private static func choice(of ports: ClosedRange<UInt16>, seed: Int? = nil) -> String {
    let count = min(ports.count, 4096)
    let list = (0..<count).map { "\($0) : \(Int(ports.lowerBound) + $0)" }.joined(separator: ", ")
    return "mod \(count)\(seed.map { " seed \($0)" } ?? "") map { \(list) }"
  }
}
