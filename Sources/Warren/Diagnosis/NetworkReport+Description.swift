import WarrenMachine
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

extension NetworkReport: CustomStringConvertible {
  /// What a person wants to know, a paragraph for each thing.
  public var description: String { paragraphs.joined(separator: "\n\n") }

  /// The same, one by one.
  public var paragraphs: [String] {
    guard !families.isEmpty else {
      return ["This computer has no network: no interface is up that has an address."]
    }
    return [portalText, udpText].compactMap { $0 } + [IPAddress.Family.v4, .v6].map(text)
      + [registryText, mappingText, relayText, outlookText].compactMap { $0 }
  }

  private var portalText: String? {
    switch portal {
    case .found(let page):
      "A page wants to be read before anything gets through: open \(page.map { quoted($0) } ?? "a browser")."
    case .unknown(let reason): "Whether a page wants to be read first is not known: \(reason)."
    case .some(.none), nil: nil
    }
  }

  private var udpText: String? {
    isUDPBlocked
      ? "UDP is blocked: only TCP gets out, as some offices have it. Ask for UDP to be let out, and everything works better."
      : nil
  }

  private func text(of family: IPAddress.Family) -> String {
    let title = family == .v4 ? "IPv4" : "IPv6"
    guard let own = families.first(where: { $0.family == family }) else {
      return "\(title): this computer has none."
    }
    let addresses = own.addresses.map { "\($0)" }.joined(separator: ", ")
    let words =
      switch own.nat {
      case .success(let report): "\(report)"
      case .failure(let error): "\(error)."
      case nil: "Nobody could be asked how the world sees it: name a registry, or a STUN server."
      }
    return "\(title): \(addresses)\n" + words.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
  }

  private var registryText: String? {
    registry.map { result in
      switch result {
      case .success(let view):
        "The registry at \(view.address) answers over \(view.usesUDP ? "UDP" : "TCP"), after \(text(view.roundTrip))."
      case .failure(let error): "The registry: \(error)."
      }
    }
  }

  private var mappingText: String? {
    portMapping.map { result in
      switch result {
      case .success(let mapping):
        "The router opens ports when it is asked, by \(mapping.via): others reach this computer through it."
      case .failure(let error): "No port is opened by a router: \(error)."
      }
    }
  }

  private var relayText: String? {
    guard !relays.isEmpty else { return "There is no relay for those who find no direct way: name one." }
    return relays.map { relay in
      switch relay.outcome {
      case .success(let time): "The relay \(relay.server) gives an address, after \(text(time))."
      case .failure(let error): "The relay \(relay.server): \(error)."
      }
    }.joined(separator: "\n")
  }

  private var outlookText: String? {
    "What to expect with a peer that is\n"
      + outlooks.map { "  \($0.peer): \($0.way.words)" }.joined(separator: "\n")
  }

  private func text(_ time: Duration) -> String { "\(time.milliseconds) ms" }
}

extension NetworkOutlook.Way {
  /// It in words.
  public var words: String {
    switch self {
    case .direct: "a direct way, at once"
    case .afterSearch: "a direct way, after a search of a second or so"
    case .tcp: "a direct way over TCP"
    case .relayed: "a way over a relay"
    case .none: "no way, as there is no relay"
    case .unknown: "not known"
    }
  }
}
