extension RegistryServer {
  /// How this server and its relay are doing.
  public var metrics: [Metric] {
    let total = "warren_server_"
    var metrics = [
      Metric(.gauge, total + "sessions", "Peers that are connected now.", count: sessionCount),
      Metric(
        .gauge, total + "waiting", "Peers that wait for another one with the same secret.",
        count: waitingCount),
      Metric(.counter, total + "sessions_total", "Peers that have connected.", count: counters.sessions),
      Metric(
        .counter, total + "turned_away_total", "Peers that were turned away, as there were too many.",
        count: counters.turnedAway),
      Metric(.counter, total + "messages_total", "Messages that have come.", count: counters.messages),
    ]
    for (reason, count) in [("malformed", counters.malformed), ("too_fast", counters.tooFast)] {
      metrics.append(
        Metric(
          .counter, total + "bad_messages_total", "Messages that were refused, by reason.",
          [.init("reason", reason)], count: count))
    }
    for (result, count) in [("accepted", counters.accepted), ("denied", counters.denied)] {
      metrics.append(
        Metric(
          .counter, total + "introductions_total", "Introductions that were answered, by result.",
          [.init("result", result)], count: count))
    }
    return metrics + relayMetrics
  }

  private var relayMetrics: [Metric] {
    guard let counters = relayCounters else { return [] }
    let total = "warren_relay_"
    var metrics = [
      Metric(
        .gauge, total + "allocations", "Relayed addresses that there are now.", count: relayAllocationCount),
      Metric(
        .counter, total + "allocations_total", "Relayed addresses that were given.", count: counters.made),
      Metric(
        .counter, total + "refusals_total", "Requests that were refused, first challenges among them.",
        count: counters.refusals),
    ]
    for (direction, datagrams, bytes) in [
      ("to_peers", counters.toPeers, counters.bytesToPeers),
      ("to_clients", counters.toClients, counters.bytesToClients),
    ] {
      let label = Metric.Label("direction", direction)
      metrics += [
        Metric(
          .counter, total + "datagrams_total", "Datagrams that were relayed.", [label], count: datagrams),
        Metric(.counter, total + "bytes_total", "Bytes that were relayed.", [label], count: bytes),
      ]
    }
    for (reason, count) in [
      ("unpermitted", counters.unpermitted), ("over_bandwidth", counters.overBandwidth),
      ("no_room", counters.unsent),
    ] {
      metrics.append(
        Metric(
          .counter, total + "lost_total", "Datagrams that were not relayed, by reason.",
          [.init("reason", reason)], count: count))
    }
    return metrics
  }
}
