import WarrenMachine

extension NATConfiguration {
  /// Anyone may send to a mapping.
  public static let fullCone = changed { $0.filtering = .endpointIndependent }

  /// Whoever was sent to may answer, from any port.
  public static let restrictedCone = changed { $0.filtering = .addressDependent }

  /// Whoever was sent to may answer, from that port: most home routers.
  public static let portRestrictedCone = NATConfiguration()

  /// A new random port for each remote end.
  public static let symmetric = changed {
    $0.mapping = .addressAndPortDependent
    $0.keepsPort = false
  }

  /// The next port for each remote end.
  public static let symmetricSequential = changed {
    $0.mapping = .addressAndPortDependent
    $0.keepsPort = false
    $0.portChoice = .sequential(step: 1)
  }

  /// No translation; lets in what was asked for, of both families.
  public static let firewall = changed { $0.translates = false }

  /// A home router that drops all UDP.
  public static let udpBlocked = changed { $0.blocksUDP = true }

  /// A firewall of those who want to see the web alone: nothing passes but TCP to port 443.
  public static let onlyHTTPS = changed {
    $0.blocksUDP = true
    $0.tcpPorts = 443...443
  }

  /// A carrier's NAT between `100.64.0.0/10` and few outside addresses: a block of 512 ports for each customer
  /// (RFC 6888, RFC 7422), and the 65 s that mappings live on mobile networks.
  public static let carrierGrade = changed {
    $0.filtering = .endpointIndependent
    $0.keepsPort = false
    $0.keepsPortClass = false
    $0.portBlock = PortBlock(size: 512)
    $0.mappingLimitPerHost = 512
    $0.lifetimes.udp = .seconds(65)
  }

  /// Linux' `masquerade` and `snat`: each flow is on its own, keeps its port, or that of its socket's latest flow,
  /// unless another flow to the same remote end has it. It lives 30 s; 120 s once an answer has come and more than
  /// two seconds later another packet. All of it is measured: `make lab`.
  ///
  /// - Parameter unsolicited: the policy of the box's own input chain, which decides whether a stranger's
  ///   packet can take a port away from an inside socket.
  public static func linuxMasquerade(input unsolicited: Unsolicited) -> NATConfiguration {
    changed {
      $0.mapping = .addressAndPortDependent
      $0.overloadsPorts = true
      $0.repeatsPort = true
      $0.hairpinning = .off
      $0.unsolicited = unsolicited
      $0.unsolicitedSYN = unsolicited == .accept ? .reset : .drop
      $0.adoptsConnections = true
      $0.refreshesFilter = [.outbound, .inbound]
      $0.lifetimes.udp = .seconds(120)
      $0.lifetimes.udpUnreplied = .seconds(30)
      $0.lifetimes.udpStreamAge = .seconds(2)
      $0.lifetimes.tcpEstablished = .seconds(432_000)
      $0.lifetimes.tcpTransitory = .seconds(120)
      $0.lifetimes.icmp = .seconds(30)
    }
  }

  /// Linux' `masquerade random` and `masquerade fully-random`: the same, with a new random port for each flow.
  public static func linuxMasqueradeRandom(input unsolicited: Unsolicited) -> NATConfiguration {
    linuxMasquerade(input: unsolicited).changed {
      $0.keepsPort = false
      $0.repeatsPort = false
    }
  }

  /// The same, but it gives those inside outside ports when they ask by one of these protocols.
  public func mappingPorts(by protocols: PortMappingProtocol...) -> NATConfiguration {
    changed { $0.portMapping.protocols = Set(protocols) }
  }

  /// The sane home router with changes.
  public static func changed(_ change: (inout NATConfiguration) -> Void) -> NATConfiguration {
    NATConfiguration().changed(change)
  }

  /// This configuration with changes.
  public func changed(_ change: (inout NATConfiguration) -> Void) -> NATConfiguration {
    var copy = self
    change(&copy)
    return copy
  }
}
