// swift-format-ignore-file: AlwaysUseLowerCamelCase

import WarrenMachine

// The words that a topology is written in. They begin with a capital, as the things they stand for would.

/// A machine, on the internet unless something is put before it.
public func Machine(_ name: String) -> Node {
  Node(name: name, kind: .machine([.v4]))
}

/// A machine on the internet with an IPv4 and an IPv6 address.
public func Server(_ name: String) -> Node {
  Node(name: name, kind: .machine([.v4, .v6]))
}

/// A NAT or firewall with several machines behind it.
///
/// - Parameters:
///   - inside: the addresses behind it; nil takes the usual ones.
///   - addresses: how many IPv4 addresses it has towards the outside.
public func NAT(
  _ name: String, _ configuration: NATConfiguration, inside: IPPrefix? = nil, addresses: Int = 1,
  @Topology _ children: () -> [Node]
) -> Node {
  Node(name: name, kind: .box(configuration, inside: inside, addresses: addresses, children()))
}
