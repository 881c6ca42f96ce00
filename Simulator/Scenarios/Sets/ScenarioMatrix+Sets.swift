import WarrenSimulator

extension ScenarioMatrix {
  /// The matrices that have a name: with each, what it is.
  public static let sets: [(name: String, matrix: ScenarioMatrix)] = [
    ("nat27", .nat27), ("webrtc-10x10", .webRTC), ("tailscale-8x8", .tailscale),
    ("iroh-4x4", .iroh),
  ]

  /// The 27 kinds of NAT in RFC 4787's words, mapping, filtering and ports in one letter each (`iap`: endpoint-independent, address- and
  /// address-and-port-dependent; `ksr`: kept, sequential, random), in 378 pairs. Who keeps ports has one mapping for all.
  public static let nat27: ScenarioMatrix = {
    let dependences: [(String, NATConfiguration.Dependence)] = [
      ("i", .endpointIndependent), ("a", .addressDependent), ("p", .addressAndPortDependent),
    ]
    var matrix = ScenarioMatrix(
      sites: dependences.flatMap { mapping in
        dependences.flatMap { filtering in
          ["k", "s", "r"].map { ports in
            Site(
              mapping.0 + filtering.0 + ports,
              .changed {
                ($0.mapping, $0.filtering) = (ports == "k" ? .endpointIndependent : mapping.1, filtering.1)
                $0.keepsPort = ports == "k"
                $0.portChoice = ports == "s" ? .sequential(step: 1) : .random
              })
          }
        }
      })
    matrix.isHalf = true
    return matrix
  }()

  /// The ten places of WebRTC's own test of connectivity (`p2p_transport_channel_unittest.cc`), which says nothing of 44 of its 100 pairs.
  public static let webRTC = ScenarioMatrix(sites: [
    Site("open"), Site("full-cone", .fullCone), Site("address-restricted", .restrictedCone),
    Site("port-restricted", .portRestrictedCone), Site("symmetric", .symmetric),
    Site("double-cone", .fullCone, .fullCone), Site("symmetric-then-cone", .fullCone, .symmetric),
    Site(
      "no-udp",
      .firewall.changed {
        $0.blocksUDP = true
        $0.filtering = .endpointIndependent
      }),
    Site("no-udp-nor-calls", .firewall.changed { $0.blocksUDP = true }), Site("only-http", .onlyHTTPS),
  ])

  /// The eight places of Tailscale's grid (`tstest/integration/nat`).
  public static let tailscale = ScenarioMatrix(sites: [
    Site("easy", .portRestrictedCone), Site("easyAF", .restrictedCone), Site("hard", .symmetric),
    Site("easyPMP", .portRestrictedCone.mappingPorts(by: .natPMP)) { $0.mapsPorts = true },
    Site("hardPMP", .symmetric.mappingPorts(by: .natPMP)) { $0.mapsPorts = true },
    Site("one2one", .fullCone), Site("sameLAN", .portRestrictedCone) { $0.isGuest = true },
    Site("cgnat", .portRestrictedCone, .carrierGrade),
  ])
}
