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
    if relayCounters != nil {
      metrics.append(
        Metric(
          .gauge, "warren_relay_allocations", "Relayed addresses that there are now.",
          count: relayAllocationCount))
    }
    return metrics
  }
}
