import Warren
import WarrenMachine

extension NetworkReport {
  /// What `warren doctor --json` prints.
  var json: JSONValue {
    .object([
      ("udp_blocked", .flag(isUDPBlocked)), ("portal", Self.json(portal)),
      ("families", .list(families.map(Self.json))), ("registry", registry.map(Self.json) ?? .nothing),
      ("port_mapping", portMapping.map(Self.json) ?? .nothing), ("relays", .list(relays.map(Self.json))),
      (
        "outlook",
        .list(outlooks.map { .object([("peer", .text($0.peer)), ("way", .text($0.way.rawValue))]) })
      ),
    ])
  }

  private static func json(_ portal: Portal?) -> JSONValue {
    switch portal {
    case nil: .nothing
    case .some(.none): .object([("found", .flag(false))])
    case .found(let page): .object([("found", .flag(true)), ("page", text(page))])
    case .unknown(let reason): .object([("error", .text(reason))])
    }
  }

  private static func json(_ family: Family) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("family", .text("IP\(family.family)")), ("addresses", .list(family.addresses.map { .text("\($0)") })),
    ]
    switch family.nat {
    case nil: break
    case .failure(let error): members.append(("error", .text("\(error)")))
    case .success(let report):
      members += [
        ("outside", .text("\(report.outside)")), ("translated", .flag(report.isTranslated)),
        ("mapping", text(report.mapping)), ("filtering", text(report.filtering)),
        ("allocation", text(report.allocation)), ("hairpins", report.hairpins.map { .flag($0) } ?? .nothing),
        ("lifetime_s", report.lifetime.map { .number(Int($0.atLeast.components.seconds)) } ?? .nothing),
      ]
    }
    return .object(members)
  }

  private static func json(_ registry: Result<RegistryView, PeerError>) -> JSONValue {
    switch registry {
    case .failure(let error): .object([("error", .text("\(error)"))])
    case .success(let view):
      .object([
        ("address", .text("\(view.address)")), ("observed", .text("\(view.observed)")),
        ("udp", .flag(view.usesUDP)), ("round_trip_ms", milliseconds(view.roundTrip)),
      ])
    }
  }

  private static func json(_ mapping: Result<PortMapping, PortMappingError>) -> JSONValue {
    switch mapping {
    case .failure(let error): .object([("error", .text("\(error)"))])
    case .success(let mapping):
      .object([("by", .text("\(mapping.via)")), ("outside", .text("\(mapping.outside)"))])
    }
  }

  private static func json(_ relay: Relay) -> JSONValue {
    switch relay.outcome {
    case .failure(let error):
      .object([("relay", .text("\(relay.server)")), ("error", .text("\(error)"))])
    case .success(let time):
      .object([("relay", .text("\(relay.server)")), ("milliseconds", milliseconds(time))])
    }
  }

  private static func text(_ value: (some Any)?) -> JSONValue { value.map { .text("\($0)") } ?? .nothing }

  private static func milliseconds(_ time: Duration) -> JSONValue { .real(time.milliseconds) }
}
