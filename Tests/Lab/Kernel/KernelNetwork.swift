import TestSupport
import WarrenMachine

/// Two hosts inside, two outside and a box between them that is this kernel's NAT: network namespaces, joined by
/// cables. Nothing of it has a name, and it goes with this process.
///
/// Each host has a cable of its own to the box, and knows what is at its end: no bridge, on which a kernel may filter
/// once more, and no address resolution, which would hold up first packets.
final class KernelNetwork: Sendable {
  /// What is sent from here to here passes untouched, whatever the profile: see `KernelRun`.
  static let markers = "10.99.0.0/24"

  private let hosts: [NetworkNamespace]
  private let box: NetworkNamespace

  /// - Parameter settings: what else is to be written below `/proc/sys/net`.
  init(rules: String, settings: [String: Int] = [:]) throws {
    box = try NetworkNamespace()
    hosts = try Host.allCases.map { _ in try NetworkNamespace() }
    for host in Host.allCases { try self[host].run(KernelNetwork.prepare) }
    var all = ["ipv4/ip_forward": 1, "ipv4/icmp_ratelimit": 0, "ipv4/icmp_ratemask": 0]
    all.merge(settings) { $1 }
    let cables = Host.allCases.map { host in
      """
      link add \(host) address \(host.mac(atBox: true)) type veth \
      peer name eth0 address \(host.mac(atBox: false)) netns \(self[host].path)
      addr add \(host.boxAddress)/32 dev \(host)
      link set \(host) up
      route add \(host.address) dev \(host) src \(host.boxAddress)
      route add \(host.marker) dev \(host)
      neigh add \(host.address) lladdr \(host.mac(atBox: false)) dev \(host) nud permanent
      neigh add \(host.marker) lladdr \(host.mac(atBox: false)) dev \(host) nud permanent

      """
    }
    try box.run(
      """
      \(KernelNetwork.prepare)
      \(all.sorted { $0.key < $1.key }.map { "echo \($0.value) > /proc/sys/net/\($0.key)" }.joined(separator: "\n"))
      ip -batch - <<'END'
      \(cables.joined())END
      nft -f - <<'END'
      \(rules)END
      """)
    for host in Host.allCases {
      try self[host].run(
        """
        ip -batch - <<'END'
        addr add \(host.address)/32 dev eth0
        addr add \(host.marker)/32 dev eth0
        link set eth0 up
        route add \(host.boxAddress) dev eth0 src \(host.address)
        route add default via \(host.boxAddress) dev eth0 src \(host.address)
        neigh add \(host.boxAddress) lladdr \(host.mac(atBox: true)) dev eth0 nud permanent
        END
        """)
    }
  }

  /// IPv6 would speak by itself.
  private static let prepare = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"

  subscript(_ host: Host) -> NetworkNamespace { hosts[Int(host.rawValue)] }

  /// A UDP socket of a host.
  func socket(_ host: Host, at address: SocketAddress) throws -> KernelSocket {
    try self[host].enter { try KernelSocket(at: address) }
  }

  /// What the box remembers of connections.
  func connectionTable() throws -> ConnectionTable { try box.enter { try ConnectionTable() } }

  /// Whoever holds these holds all of it.
  var all: [NetworkNamespace] { hosts + [box] }
}

extension Host {
  /// The box's address on this host's cable.
  fileprivate var boxAddress: IPAddress { isInside ? IPAddress(192, 168, 1, 1) : Host.box }

  /// Where it sends what is to pass untouched.
  var marker: IPAddress { IPAddress(10, 99, 0, rawValue + 1) }

  fileprivate func mac(atBox: Bool) -> String { "02:00:00:00:0\(atBox ? 1 : 2):0\(rawValue)" }
}
