import WarrenMachine
import WarrenScenarios

@testable import WarrenSimulator

/// Why this kernel cannot be what a topology or scenario asks for.
struct KernelObstacle: Error, Hashable, CustomStringConvertible {
  var description: String

  init(_ reason: String) { description = reason }

  /// What a NAT or firewall would have to do that the kernel does not; nil where it does all.
  ///
  /// - Parameter customers: how many are behind it.
  init?(_ configuration: NATConfiguration, customers: Int) {
    let reasons = Self.remembering(configuration) + Self.ports(configuration)
    if let reason = reasons.first(where: { $0.0 })?.1 {
      self.init(reason)
    } else if customers > 1, let reason = Self.hairpinning(configuration) {
      self.init(reason)
    } else {
      return nil
    }
  }

  private static func remembering(_ nat: NATConfiguration) -> [(Bool, String)] {
    let lifetimes = nat.lifetimes
    let block = nat.portBlock?.size ?? .max
    return [
      (
        nat.mappingLimit != nil || nat.mappingLimitPerHost.map { $0 < block } ?? false,
        "its table has no limit of one NAT's"
      ),
      (nat.newMappingsPerSecond != nil, "it does not count new mappings"),
      (nat.degradation != .never, "it does not change its manners"),
      (lifetimes.absolute != nil, "what it remembers has no end of its own"),
      (lifetimes.filter != nil || lifetimes.dns != nil, "it has one lifetime for all flows"),
      (nat.refreshes != [.outbound, .inbound], "packets of both sides prolong its flows"),
      (!nat.portMapping.protocols.isEmpty, "nobody gives ports to those who ask"),
      (nat.translatesIPv6, "it does not translate IPv6"),
      (nat.rewritesPayload, "it does not rewrite what is carried"),
      (nat.errorsEndMappings || !nat.translatesErrors, "it translates errors, and nothing ends by them"),
      (nat.unsolicitedSYN == .rejectLater || nat.refusesInboundSYN, "it answers a SYN at once or not at all"),
    ]
  }

  private static func ports(_ nat: NATConfiguration) -> [(Bool, String)] {
    let isKept = nat.keepsPort && nat.portBlock == nil
    return [
      (
        !nat.translates && nat.filtering != .addressAndPortDependent,
        "what it only filters it lets in as an answer alone"
      ),
      (
        nat.translates && isKept && nat.mapping != .endpointIndependent && !nat.overloadsPorts,
        "it keeps a port by sharing it"
      ),
      (nat.portChoice != .random && nat.mapping != .addressAndPortDependent, "it counts for each flow"),
      (nat.keepsParity || nat.keepsContiguity, "it does not look at whether ports are even"),
      (nat.pooling == .arbitrary, "it gives one inside address one outside address"),
      (nat.portBlock.map { $0.perHost > 1 } ?? false, "it gives one block of ports to each"),
    ]
  }

  private static func hairpinning(_ nat: NATConfiguration) -> String? {
    guard nat.translates, nat.hairpinning != .off else { return nil }
    if nat.mapping != .endpointIndependent {
      return "it turns packets round only to ports that it does not draw"
    }
    let isKept = nat.keepsPort && nat.portBlock == nil
    return nat.filtering == .endpointIndependent || isKept
      ? nil : "it filters what it turns round only by ports that it keeps"
  }
}
