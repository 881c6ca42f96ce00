import WarrenMachine

/// What the answers mean. Where something would have to be guessed, it is nil.
extension NATDiscoveryCore {
  /// Where the world sees the socket that asks.
  var asker: SocketAddress? { probe(.first)?.mapped }

  /// Whether an address or a port changes on the way; nil before anybody has answered.
  var isTranslated: Bool? {
    asker.map { !(ownAddresses.contains($0.ip) && $0.port == ports[Socket.asker]) }
  }

  var report: NATReport {
    let outside = asker ?? .any(server.ip.family)
    let isTranslated = isTranslated ?? false
    let mapping = mapping
    let (model, keepsFirst) = ports(under: mapping)
    var addresses = [outside.ip]
    for ip in sampling.samples.map(\.outside.ip) + resting.compactMap(\.outside?.ip)
    where !addresses.contains(ip) { addresses.append(ip) }
    return NATReport(
      local: SocketAddress(local ?? .any(outside.ip.family), port: ports[Socket.asker]), outside: outside,
      addresses: addresses, isTranslated: isTranslated, mapping: isTranslated ? mapping : nil,
      filtering: filtering,
      allocation: isTranslated ? allocation(under: mapping, model) : nil,
      keepsFirstPort: isTranslated && keepsFirst, hairpins: isTranslated ? hairpins : nil,
      lifetime: lifetime, portModel: mapping == nil ? nil : model)
  }

  // MARK: Mapping

  /// Direct evidence: what one socket looks like to two ports of a server, and to two addresses.
  private var mapping: NATKind.Dependence? {
    guard let other else { return nil }
    let byPort = differs(SocketAddress(server.ip, port: other.port))
    let byAddress = differs(SocketAddress(other.ip, port: server.port))
    switch (byPort, byAddress) {
    case (true?, _): return .addressAndPortDependent
    case (false?, true?): return .addressDependent
    case (_, false?): return .endpointIndependent
    case (false?, nil), (nil, _): return nil
    }
  }

  /// Whether sockets look different to `remote` than to the server; nil if nobody has seen that.
  private func differs(_ remote: SocketAddress) -> Bool? {
    let pairs = sampling.samples.filter { $0.remote == remote }.flatMap { sample in
      sampling.samples.filter { $0.remote == server && $0.localPort == sample.localPort }
        .map { $0.outside != sample.outside }
    }
    return pairs.isEmpty ? nil : pairs.contains(true)
  }

  // MARK: Ports

  /// How ports are chosen, and whether a socket's first mapping has its own port and only later ones are chosen so.
  private func ports(under mapping: NATKind.Dependence?) -> (PortModel?, keepsFirst: Bool) {
    let samples = orderedSamples
    let whole = PortModel(fitting: samples)
    guard let mapping, mapping != .endpointIndependent else { return (whole, false) }
    let first = samples.filter { $0.remote == server }
    let kept = first.filter { $0.outside.port == $0.localPort }
    let chosen = samples.filter { $0.outside.port != $0.localPort }
    guard !first.isEmpty, kept.count * 2 > first.count, chosen.count * 4 > samples.count,
      var model = PortModel(fitting: chosen)
    else { return (whole, false) }
    model.mapping = mapping
    return (model, true)
  }

  /// The samples of one burst have left at one instant, and yet one after the other: that tells a counter's direction.
  private var orderedSamples: [PortSample] {
    sampling.samples.enumerated().map { place, sample in
      var sample = sample
      sample.sent = sample.sent.advanced(by: .microseconds(place))
      return sample
    }
  }

  private func allocation(
    under mapping: NATKind.Dependence?, _ model: PortModel?
  ) -> NATKind.Allocation? {
    guard let allocation = model?.kind().allocation else { return nil }
    // Towards a second place, which nobody has seen, another port may be chosen.
    return mapping == nil && allocation == .preserving ? nil : allocation
  }

  // MARK: Filtering

  var filtering: NATKind.Dependence? {
    guard let other, let anyAddress = probe(.filter(fromOtherAddress: true)),
      let anyPort = probe(.filter(fromOtherAddress: false))
    else { return nil }
    if anyAddress.wasAnswered { return .endpointIndependent }
    // Silence says something only of a server that can speak from there.
    guard anyAddress.state == .silent, hasSpoken(SocketAddress(other.ip, port: server.port)) else {
      return nil
    }
    if anyPort.wasAnswered { return .addressDependent }
    guard anyPort.state == .silent, hasSpoken(SocketAddress(server.ip, port: other.port)) else { return nil }
    return .addressAndPortDependent
  }

  private func hasSpoken(_ remote: SocketAddress) -> Bool {
    sampling.samples.contains { $0.remote == remote }
  }

  // MARK: Hairpinning

  private var hairpins: Bool? {
    let probes = (0..<2).compactMap { probe(.hairpin($0)) }
    guard probes.count == 2 else { return nil }
    if probes.contains(where: \.wasAnswered) { return true }
    // If each has another port towards the other, neither may answer, hairpinning or not.
    return mapping == .endpointIndependent || filtering == .endpointIndependent ? false : nil
  }
}
