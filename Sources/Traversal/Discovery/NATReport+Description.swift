extension NATReport: CustomStringConvertible {
  /// A few sentences that a person understands.
  public var description: String {
    [translation, ports, filter, hairpin, patience, unknown, verdict].compactMap { $0 }.joined(
      separator: "\n")
  }

  private var translation: String {
    guard isTranslated else {
      let isFiltered = filtering.map { $0 != .endpointIndependent } ?? false
      return
        "No NAT\(isFiltered ? ", but a firewall" : ""): the world sees this machine as it is, at \(outside.ip)."
    }
    let others = addresses.count > 1 ? " and at \(addresses.count - 1) other addresses" : ""
    return "A NAT: the world sees \(local) as \(outside)\(others)."
  }

  private var ports: String? {
    guard isTranslated, let mapping else { return nil }
    let when =
      switch mapping {
      case .endpointIndependent: "Each socket has one outside port, whoever it sends to"
      case .addressDependent: "Each socket has another outside port for each address that it sends to"
      case .addressAndPortDependent:
        "Each socket has another outside port for each address and port that it sends to"
      }
    guard let allocation else { return when + "." }
    let parity = keepsParity == true ? "; even ones stay even" : ""
    // Where each place has a port of its own, the first may still be the socket's.
    return when + (keepsFirstPort ? ": its own at the first, then " : ", ") + "\(allocation)\(parity)."
  }

  private var filter: String? {
    switch filtering {
    case .endpointIndependent?: "Anyone may send to a socket that has sent something."
    case .addressDependent?: "Addresses that a socket has sent to may answer, from any port."
    case .addressAndPortDependent?: "Only the very ports that a socket has sent to may answer."
    case nil: nil
    }
  }

  private var hairpin: String? {
    hairpins.map {
      $0
        ? "Machines behind it reach each other at their outside addresses too."
        : "Machines behind it do not reach each other at their outside addresses."
    }
  }

  private var patience: String? {
    lifetime.map { lifetime in
      let caution =
        lifetime.isOfMappingAlone
        ? "\nHow long others may send to it without a word of its own is not known." : ""
      return duration(lifetime) + caution
    }
  }

  private func duration(_ lifetime: NATReport.Lifetime) -> String {
    let least = Int(lifetime.atLeast.seconds)
    if let most = lifetime.lessThan, least == 0 {
      return
        "It forgets a silent socket within \(Int(most.seconds.rounded(.up))) s, sooner than could be measured."
    }
    guard let most = lifetime.lessThan else {
      return "It remembers a silent socket for more than \(least) s."
    }
    return "It remembers a silent socket for \(least) to \(Int(most.seconds.rounded(.up))) s: "
      + "send something every \(max(1, least * 4 / 5)) s."
  }

  /// What the server was no help with.
  private var unknown: String? {
    var words: [String] = []
    if isTranslated, mapping == nil {
      words.append("whether a socket has the same outside port towards everyone")
    }
    if filtering == nil { words.append("who may send to it") }
    guard !words.isEmpty else { return nil }
    return
      "Not known is \(words.joined(separator: ", and ")): ask a STUN server with two addresses (RFC 5780)."
  }

  private var verdict: String? {
    let isOpen = filtering.map { $0 != .addressAndPortDependent } ?? false
    guard isTranslated else {
      return filtering == .endpointIndependent
        ? "Everyone can connect directly." : "Direct connections work with everyone: both sides send first."
    }
    guard let mapping else { return nil }
    if mapping == .endpointIndependent {
      return isOpen
        ? "Direct connections work with everyone."
        : "Direct connections work with nearly everyone; with NATs that hide their ports after a short search."
    }
    if case .random? = allocation {
      return
        "Direct connections work with those whose NAT is kinder; with others after a short search, or over a relay."
    }
    return "Its next port can be foreseen: direct connections work with nearly everyone, after a guess."
  }
}
