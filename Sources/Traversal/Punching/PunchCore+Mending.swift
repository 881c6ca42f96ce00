import WarrenMachine
import WarrenSTUN

/// A clash, and how it is mended.
///
/// A NAT like Linux' that takes a stranger's packet for its own gives its flow the port as well. Ours cannot have that
/// port towards this stranger then: our packets leave from another, which the other side does not expect. Nobody tells
/// us. So if a way that should be open is not, one more socket is tried, and this time the order is right: its packets
/// that die on the way come first, then the other side is told of it, and its checks are waited for.
extension PunchCore {
  mutating func handleClash(at now: Instant) {
    guard let due = mendsAt, due <= now else { return }
    mendsAt = nil
    guard !hasDirectPath, search.running == nil,
      search.own.map({ $0.report.kind.mapping == .endpointIndependent }) ?? true,
      ice.remotes.contains(where: { $0.transport == .udp && $0.address.ip.family == .v4 }),
      samplingBase != nil, configuration.stunServers.contains(where: { $0.ip.family == .v4 })
    else { return }
    search.socketRequests.append(.mending)
  }

  /// A socket of which nobody knows yet is there.
  mutating func openedFreshSocket(_ socket: Int, port: UInt16, at now: Instant) {
    guard let ip = samplingBase?.local.ip else { return }
    let local = SocketAddress(ip, port: port)
    bases.append(Base(channel: .socket(socket), local: local))
    let base = bases.count - 1
    for remote in ice.remotes where remote.transport == .udp && remote.address.ip.family == .v4 {
      primers.append((base, remote.address))
    }
    let preference = nextPreference
    _ = ice.addBase(
      .init(
        Candidate(
          .host, at: local, priority: Candidate.priority(.host, localPreference: preference),
          foundation: "f\(base)"),
        localPreference: preference, answersUntil: now.advanced(by: PunchLimits.freshHeadStart)), at: now)
    ask(from: base, at: now)
  }
}
