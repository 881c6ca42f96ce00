extension SearchPlan {
  /// What a pair of NATs needs.
  ///
  /// Three facts of a side decide: whether its outside port towards the peer is known, foreseen or hidden; whether
  /// that port stays when it sends to another port of the peer; and whether its filter is open, which means that
  /// it lets in any port of an address that it has sent to.
  ///
  /// - One side known and open: the other's first packet arrives, whatever its port, and names it.
  /// - Both known or foreseen: each sends to the other's port.
  /// - One hidden: the other side probes for one of many, if its own port stays while it probes, or if the hidden
  ///   side's port stays and its filter is open: then the probe that arrives names its sender.
  public static func decide(
    mine: NATKind, theirs: NATKind, permitting permissions: SearchPermissions = []
  ) -> SearchDecision {
    let usual = mutual(Standing(mine), Standing(theirs))
    guard case .relayOnly = usual else { return usual }
    if permissions.contains(.crossedPaths), let crossed = crossed(mine, theirs) { return crossed }
    guard permissions.contains(.exhaustive) else { return usual }
    let (my, their) = (Standing(mine), Standing(theirs))
    guard my.isHidden, their.isHidden else { return .exhaustive(opener: my.isHidden ? .mine : .theirs) }
    return .exhaustive(opener: opener(my, their))
  }

  /// What two need who have told of their ports.
  ///
  /// What a filter lets in is seldom known. Where it decides, it is taken to be open: on one side in one round, on the other in the next,
  /// and first where the port stays, since such NATs are the more obliging ones.
  static func decide(mine: PortReport, theirs: PortReport) -> SearchDecision {
    let permissions: SearchPermissions =
      mine.permitsExhaustive && theirs.permitsExhaustive ? .exhaustive : []
    let known = decide(mine: mine.kind, theirs: theirs.kind, permitting: permissions)
    guard case .relayOnly = known else { return known }
    let (myHope, theirHope) = (mine.hopefulKind, theirs.hopefulKind)
    let ifMine = myHope.map { decide(mine: $0, theirs: theirs.kind) }
    let ifTheirs = theirHope.map { decide(mine: mine.kind, theirs: $0) }
    let iGoFirst = myHope.map { Standing($0).stays } ?? false
    let hopes = (iGoFirst ? [ifMine, ifTheirs] : [ifTheirs, ifMine]).compactMap { $0 }
      .filter { if case .relayOnly = $0 { false } else { true } }
    return hopes.isEmpty ? known : hopes[Int(mine.round) % hopes.count]
  }

  /// Who of two that can both open does: whose filter, then mapping, asks for less. That is the same on both sides.
  /// Of two that are alike it is the one who decides, and so proposes.
  private static func opener(_ mine: Standing, _ theirs: Standing) -> SearchDecision.Side {
    let (my, their) = (mine.kind, theirs.kind)
    return (my.filtering.rawValue, my.mapping.rawValue) <= (their.filtering.rawValue, their.mapping.rawValue)
      ? .mine : .theirs
  }

  private static func mutual(_ mine: Standing, _ theirs: Standing) -> SearchDecision {
    if mine.isKnown || theirs.isKnown {
      if mine.isKnown && theirs.isKnown { return .noSearch(.mutual) }
      let hard: SearchDecision.Side = mine.isKnown ? .theirs : .mine
      let (easySide, hardSide) = mine.isKnown ? (mine, theirs) : (theirs, mine)
      if easySide.isOpen { return .noSearch(.mutual) }
      return hardSide.isHidden ? .birthday(opener: hard, .mutual) : .predict(.init(hard), .mutual)
    }
    switch (mine.isHidden, theirs.isHidden) {
    case (false, false): return .predict(.both, .mutual)
    case (true, false): return hiddenAgainstForeseen(mine, .mine, theirs)
    case (false, true): return hiddenAgainstForeseen(theirs, .theirs, mine)
    case (true, true): return bothHidden(mine, theirs)
    }
  }

  private static func hiddenAgainstForeseen(
    _ hidden: Standing, _ side: SearchDecision.Side, _ foreseen: Standing
  ) -> SearchDecision {
    if foreseen.stays {
      return foreseen.isOpen ? .predict(.init(side.opposite), .mutual) : .birthday(opener: side, .mutual)
    }
    guard hidden.stays else { return .relayOnly(.probingMovesProber) }
    // The hidden side's packet names its port, and the answer leaves from the next one, foreseen as well.
    if foreseen.isOpen { return .predict(.init(side.opposite), .mutual) }
    return hidden.isOpen ? .birthday(opener: side, .mutual) : .relayOnly(.probingMovesProber)
  }

  private static func bothHidden(_ mine: Standing, _ theirs: Standing) -> SearchDecision {
    guard mine.stays || theirs.stays else { return .relayOnly(.bothHidden) }
    // Who opens is found, and must let in whoever finds it. If its port stays, the first probe that arrives names
    // both ports. If not, its answer to the prober's port makes another mapping, for which the same probes go on:
    // two searches, one sequence.
    let (mineFits, theirsFits) = (mine.stays && mine.isOpen, theirs.stays && theirs.isOpen)
    if mineFits && theirsFits { return .birthday(opener: opener(mine, theirs), .mutual) }
    if mineFits { return .birthday(opener: .mine, .mutual) }
    if theirsFits { return .birthday(opener: .theirs, .mutual) }
    // At most one is open now: of two that are, one stays.
    if mine.isOpen { return .birthday(opener: .mine, .mutual) }
    return theirs.isOpen ? .birthday(opener: .theirs, .mutual) : .relayOnly(.bothHidden)
  }

  /// Both filters are open: a packet to any mapping that has sent to its sender's address passes. Such a mapping is
  /// known already where one filter lets in everyone; else it is foreseen or searched for.
  private static func crossed(_ mine: NATKind, _ theirs: NATKind) -> SearchDecision? {
    let (my, their) = (Standing(mine), Standing(theirs))
    guard my.isOpen, their.isOpen else { return nil }
    if mine.filtering == .endpointIndependent || theirs.filtering == .endpointIndependent {
      return .noSearch(.crossed)
    }
    if !my.isHidden { return .predict(.mine, .crossed) }
    return their.isHidden ? .birthday(opener: opener(my, their), .crossed) : .predict(.theirs, .crossed)
  }
}

/// What the other side may count on.
private struct Standing {
  let kind: NATKind
  /// The port towards the peer is the one that STUN servers see.
  let isKnown: Bool
  /// It can neither be known nor foreseen.
  let isHidden: Bool
  /// It is the same towards all ports of the peer.
  let stays: Bool
  /// Any port of an address that was sent to may send.
  let isOpen: Bool

  init(_ kind: NATKind) {
    self.kind = kind
    isKnown = kind.mapping == .endpointIndependent
    isOpen = kind.filtering != .addressAndPortDependent
    switch kind.allocation {
    case .preserving:
      // A port that is kept is kept towards everyone.
      isHidden = false
      stays = true
    case .sequential:
      isHidden = false
      stays = kind.mapping != .addressAndPortDependent
    case .random:
      isHidden = kind.mapping != .endpointIndependent
      stays = kind.mapping != .addressAndPortDependent
    }
  }
}
