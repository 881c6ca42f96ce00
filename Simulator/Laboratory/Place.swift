import Warren
import WarrenSimulator

/// Where a machine stands: what is between it and the internet.
public struct Place: Hashable, Sendable, CustomStringConvertible {
  /// What it is called in a matrix.
  public var name: String
  /// The boxes, the innermost first.
  public var boxes: [NATConfiguration]
  /// What it speaks.
  public var families: [IPAddress.Family]
  /// How many mappings a second others open at the innermost box.
  public var neighbourRate = 0.0
  /// What it knows of who may send to its mappings.
  public var filtering: NATKind.Dependence = .addressAndPortDependent

  /// A machine behind these boxes.
  public init(_ name: String, _ boxes: NATConfiguration..., families: [IPAddress.Family] = [.v4]) {
    self.name = name
    self.boxes = boxes
    self.families = families
  }

  public var description: String { name }

  /// Whether its mappings are the same for all other ends.
  var keepsMapping: Bool { boxes.allSatisfy { !$0.translates || $0.mapping == .endpointIndependent } }

  /// The machine in a topology, with its boxes and a neighbour who is as busy as is said.
  package func node(_ name: String) -> Node {
    let machine =
      families == [.v4] ? Machine(name) : families == [.v6] ? Machine(name).speaking(.v6) : Server(name)
    guard neighbourRate > 0, let innermost = boxes.first else {
      return boxes.reduce(machine) { $0.behind($1) }
    }
    let home = NAT("\(name)'s NAT", innermost) {
      machine
      Machine(Self.neighbour(of: name))
    }
    return boxes.dropFirst().reduce(home) { $0.behind($1, named: "\(name)'s carrier") }
  }

  static func neighbour(of name: String) -> String { "\(name)'s neighbour" }

  /// The same behind a carrier's NAT as well.
  public var overCarrier: Place {
    var copy = self
    copy.name += "+carrier"
    copy.boxes.append(.carrierGrade)
    return copy
  }

  /// The same with IPv6 too, or alone.
  public func speaking(_ families: IPAddress.Family...) -> Place {
    var copy = self
    copy.name += families == [.v6] ? "/v6" : "/v4+v6"
    copy.families = families
    return copy
  }

  /// The same where others open so many mappings a second at the innermost box, if there is one.
  public func busy(_ rate: Double) -> Place {
    guard !boxes.isEmpty else { return self }
    var copy = self
    copy.neighbourRate = rate
    return copy
  }
}

extension Place {
  public static let `public` = Place("public")
  public static let fullCone = Place("full cone", .fullCone)
  public static let restricted = Place("restricted", .restrictedCone)
  public static let portRestricted = Place("port-restricted", .portRestrictedCone)
  public static let sequential = Place("sequential", .symmetricSequential)
  public static let random = Place("random", .symmetric)
  public static let firewall = Place("firewall", .firewall)
  public static let blocked = Place("UDP blocked", .udpBlocked)
  public static let onlyHTTPS = Place("port 443 alone", .onlyHTTPS)

  /// Linux' own NAT, by what its box does with strangers' packets: whether they can take a port away from those inside.
  public static let masquerades: [Place] = [
    Place("masquerade, accept", .linuxMasquerade(input: .accept)),
    Place("masquerade, drop", .linuxMasquerade(input: .drop)),
    Place("masquerade, reject", .linuxMasquerade(input: .reject)),
  ]

  /// The rows and columns of the matrix.
  public static let all: [Place] = {
    let nats = [fullCone, restricted, portRestricted, sequential, random]
    let families = [
      firewall.speaking(.v4, .v6), portRestricted.speaking(.v4, .v6), random.speaking(.v4, .v6),
      firewall.speaking(.v6),
    ]
    return [.public] + nats + ([.public] + nats).map(\.overCarrier) + [firewall, blocked] + families
  }()

  /// A NAT of one of the 27 kinds. The simulated NAT that keeps ports has one mapping for all remote ends: see
  /// ``NATKind``.
  public init(_ kind: NATKind, named name: String) {
    self.init(
      name,
      .changed {
        $0.mapping = .init(rawValue: kind.mapping.rawValue)!
        $0.filtering = .init(rawValue: kind.filtering.rawValue)!
        $0.keepsPort = false
        switch kind.allocation {
        case .preserving:
          $0.keepsPort = true
          $0.mapping = .endpointIndependent
        case .sequential(let step): $0.portChoice = .sequential(step: step)
        case .random: break
        }
      })
    filtering = kind.filtering
  }

  /// All 27 kinds: mapping, filtering and allocation in one letter each.
  public static let kinds: [(kind: NATKind, place: Place)] = NATKind.Dependence.allCases.flatMap { mapping in
    NATKind.Dependence.allCases.flatMap { filtering in
      [NATKind.Allocation.preserving, .sequential(step: 1), .random(.unreserved)].enumerated().map {
        let kind = NATKind(mapping: mapping, filtering: filtering, allocation: $1)
        let letters = ["iap", "iap", "ksr"]
        let places = [Int(mapping.rawValue), Int(filtering.rawValue), $0]
        let name = zip(letters, places).map { String(Array($0)[$1]) }.joined()
        return (kind, Place(kind, named: name))
      }
    }
  }
}
