import WarrenMachine

/// What a NAT finds a mapping by: the socket's end on one side, and as much of the remote end as matters.
struct FlowKey: Hashable, Sendable {
  var transport: Transport
  var near: SocketAddress
  var remote: SocketAddress

  init(_ transport: Transport, _ near: SocketAddress, _ remote: SocketAddress) {
    self.transport = transport
    self.near = near
    self.remote = remote
  }

  /// What all ports of its address have in common.
  var ofAddress: FlowKey { FlowKey(transport, SocketAddress(near.ip, port: 0), remote) }

  // Folded first, so that the slow and strong hash is fed once. Equality decides in the end.
  func hash(into hasher: inout Hasher) {
    var folded = UInt64(transport.rawValue) << 32 | UInt64(near.port) << 16 | UInt64(remote.port)
    folded = fold(folded, near.ip.low)
    folded = fold(folded, near.ip.high)
    folded = fold(folded, remote.ip.low)
    hasher.combine(fold(folded, remote.ip.high))
  }
}

/// What a NAT finds a filter or a connection by: the mapping, and as much of the remote end as matters.
struct FilterKey: Hashable, Sendable {
  var mapping: Int
  var remote: SocketAddress

  func hash(into hasher: inout Hasher) {
    let folded = fold(UInt64(truncatingIfNeeded: mapping) << 16 | UInt64(remote.port), remote.ip.low)
    hasher.combine(fold(folded, remote.ip.high))
  }
}

@inline(__always)
private func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let product = (left ^ right).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
  return product.high ^ product.low
}

extension SocketAddress {
  /// No address at all, in keys to which the remote end is all the same.
  static let whatever = SocketAddress(.any(.v4), port: 0)

  /// The remote end of explicit mappings: no packet has it, so that they never meet those that flows have made.
  static let everyone = SocketAddress(IPAddress(v4: .max), port: 0)

  /// As much of a remote end as a behaviour depends on.
  @inline(__always)
  func seen(by dependence: NATConfiguration.Dependence) -> SocketAddress {
    switch dependence {
    case .endpointIndependent: .whatever
    case .addressDependent: SocketAddress(ip, port: 0)
    case .addressAndPortDependent: self
    }
  }
}
