import Testing
import WarrenMachine
import WarrenSimulator

/// A NAT as people make it out of this kernel, and the simulator's that should be the same.
enum Profile: String, CaseIterable, CustomTestStringConvertible {
  case masquerade = "masquerade"
  case masqueradeRandom = "masquerade random"
  case masqueradeFullyRandom = "masquerade fully-random"
  case snat = "snat"
  /// The kernel has no full cone. Ranges of ports that are forwarded for good to the hosts that use them are one as
  /// far as those ports go, and once they are used: so each host has a range of its own, and nobody writes to a socket
  /// that has not yet sent anything. Strangers, moving and hairpinning are then a full cone's.
  case fullCone = "full cone by dnat"

  static let firstPort: UInt16 = 5000
  static let portsOfAHost: UInt16 = 10

  var testDescription: String { rawValue }

  /// Whether outside ports are chance, which must differ from the inside port and says nothing else.
  var drawsPorts: Bool { self == .masqueradeRandom || self == .masqueradeFullyRandom }

  /// Whether X2 has other ports than X1.
  var portsDiffer: Bool { self == .fullCone }

  /// Whether a socket is reached only once it has sent something.
  var opensBySending: Bool { self == .fullCone }

  /// The simulator's.
  func configuration(_ input: NATConfiguration.Unsolicited) -> NATConfiguration {
    switch self {
    case .masquerade, .snat: .linuxMasquerade(input: input)
    case .masqueradeRandom, .masqueradeFullyRandom: .linuxMasqueradeRandom(input: input)
    case .fullCone: .fullCone.changed { $0.unsolicited = input }
    }
  }

  /// The kernel's.
  func rules(_ input: NATConfiguration.Unsolicited) -> String {
    let own =
      switch input {
      case .drop: "policy drop;"
      case .reject: "policy accept; reject"
      case .accept: "policy accept;"
      }
    return """
      table ip lab {
        chain marks {
          type filter hook prerouting priority raw;
          ip saddr \(KernelNetwork.markers) notrack
        }
        chain own {
          type filter hook input priority filter; \(own)
        }
        chain through {
          type filter hook forward priority filter; policy drop;
          ip saddr \(KernelNetwork.markers) accept
          iifname { "x1", "x2" } accept
          ct state established,related accept
          ct status dnat accept
        }
        chain inbound {
          type nat hook prerouting priority dstnat;
      \(inbound)
        }
        chain outbound {
          type nat hook postrouting priority srcnat;
          \(outbound)
        }
      }

      """
  }

  private var outbound: String {
    let wide = #"oifname { "y", "z" } ip saddr 192.168.1.0/24"#
    return switch self {
    case .masquerade: "\(wide) masquerade"
    case .masqueradeRandom: "\(wide) masquerade random"
    case .masqueradeFullyRandom: "\(wide) masquerade fully-random"
    case .snat: "\(wide) snat to \(Host.box)"
    // What comes back inside seems to come from outside, as RFC 4787, REQ-9a has it.
    case .fullCone: "ip saddr 192.168.1.0/24 snat to \(Host.box)"
    }
  }

  private var inbound: String {
    guard self == .fullCone else { return "" }
    return [Host.x1, .x2].enumerated().map { index, host in
      let first = Profile.firstPort + UInt16(index) * Profile.portsOfAHost
      return
        "ip daddr \(Host.box) udp dport \(first)-\(first + Profile.portsOfAHost - 1) dnat to \(host.address)\n"
    }.joined()
  }
}
