extension Registry {
  /// How this registry is doing.
  public var metrics: [Metric] {
    get async {
      let present = await count
      let total = "warren_registry_"
      var metrics = [
        Metric(.gauge, total + "peers", "Peers that are there now.", count: present),
        Metric(
          .counter, total + "registrations_total", "Registrations that were taken.",
          count: counters.registrations),
        Metric(
          .counter, total + "renewals_total", "Peers that said they are still there.",
          count: counters.renewals),
        Metric(.counter, total + "withdrawals_total", "Peers that went.", count: counters.withdrawals),
        Metric(
          .counter, total + "lists_total", "Pages of the list that were handed out.", count: counters.lists),
      ]
      for (result, count) in [("found", counters.found), ("not_found", counters.notFound)] {
        metrics.append(
          Metric(
            .counter, total + "lookups_total", "Look-ups, by result.", [.init("result", result)], count: count
          ))
      }
      for code in RegistryError.Code.allCases {
        guard let count = counters.refusals[code] else { continue }
        metrics.append(
          Metric(
            .counter, total + "refusals_total", "Registrations and renewals that were refused, by reason.",
            [.init("reason", "\(code)")], count: count))
      }
      return metrics
    }
  }
}
