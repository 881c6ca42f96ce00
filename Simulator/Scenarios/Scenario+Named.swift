import Warren

extension Scenario {
  /// The scenarios that have a name, in the order of their names: the files in `Fixtures/Scenarios`, which are in the library.
  public static let names: [String] = files.map(\.name)

  /// The scenario of this name, also of one of the sets (``ScenarioSet``).
  ///
  /// - Throws: ``ScenarioError`` where there is none.
  public init(named name: String) throws {
    if let scenario = ScenarioSet.all.lazy.flatMap(\.scenarios).first(where: { $0.name == name }) {
      self = scenario
    } else {
      try self.init(json: Self.json(named: name), file: "\(name).json")
    }
  }

  /// The same, as it is said in a test: `try await Scenario("two-phones").run(seeds: 1...100) { stage in … }`.
  ///
  /// - Throws: ``ScenarioError`` where there is none.
  public init(_ name: String) throws { try self.init(named: name) }

  /// The file of the scenario of this name.
  ///
  /// - Throws: ``ScenarioError`` where there is none.
  public static func json(named name: String) throws -> [UInt8] {
    guard let file = files.first(where: { $0.name == name }) else {
      throw ScenarioError(line: 0, path: "", "there is no scenario \(quoted(name))")
    }
    return file.bytes
  }

  private static let files: [(name: String, bytes: [UInt8])] = [
    ("adm-apdf", PackageResources.adm_apdf_json),
    ("asymmetric-partition", PackageResources.asymmetric_partition_json),
    ("both-nats-elsewhere", PackageResources.both_nats_elsewhere_json),
    ("called-one-roams", PackageResources.called_one_roams_json),
    ("called-while-lost", PackageResources.called_while_lost_json),
    ("captive-portal", PackageResources.captive_portal_json),
    ("cgn-block-512", PackageResources.cgn_block_512_json),
    ("clock-jumps", PackageResources.clock_jumps_json),
    ("clock-jumps-before", PackageResources.clock_jumps_before_json),
    ("clock-jumps-long", PackageResources.clock_jumps_long_json),
    ("conntrack-clash", PackageResources.conntrack_clash_json),
    ("conntrack-clash-search", PackageResources.conntrack_clash_search_json),
    ("crash-ten-minutes", PackageResources.crash_ten_minutes_json),
    ("crossing-calls", PackageResources.crossing_calls_json),
    ("cut-and-mended", PackageResources.cut_and_mended_json),
    ("cut-for-minutes", PackageResources.cut_for_minutes_json),
    ("degraded-mild", PackageResources.degraded_mild_json),
    ("degraded-rough", PackageResources.degraded_rough_json),
    ("degraded-worst", PackageResources.degraded_worst_json),
    ("dual-stack-strict", PackageResources.dual_stack_strict_json),
    ("echo-through-nats", PackageResources.echo_through_nats_json),
    ("full-table", PackageResources.full_table_json),
    ("fullcone-fullcone", PackageResources.fullcone_fullcone_json),
    ("gone-for-good", PackageResources.gone_for_good_json),
    ("hammer-abuse", PackageResources.hammer_abuse_json),
    ("home-home", PackageResources.home_home_json),
    ("home-home-loss", PackageResources.home_home_loss_json),
    ("home-strict-birthday", PackageResources.home_strict_birthday_json),
    ("home-strict-sequential", PackageResources.home_strict_sequential_json),
    ("hung-up", PackageResources.hung_up_json),
    ("laptop-sleeps", PackageResources.laptop_sleeps_json),
    ("laptop-sleeps-briefly", PackageResources.laptop_sleeps_briefly_json),
    ("lease-among-friends", PackageResources.lease_among_friends_json),
    ("leases-over-long-way", PackageResources.leases_over_long_way_json),
    ("leases-over-tls", PackageResources.leases_over_tls_json),
    ("lifetime-10s", PackageResources.lifetime_10s_json),
    ("lifetime-20s", PackageResources.lifetime_20s_json),
    ("lifetime-60s", PackageResources.lifetime_60s_json),
    ("link-flaps", PackageResources.link_flaps_json),
    ("linux-home", PackageResources.linux_home_json),
    ("mapped-port", PackageResources.mapped_port_json),
    ("mapped-port-given-back", PackageResources.mapped_port_given_back_json),
    ("mapped-port-renewed", PackageResources.mapped_port_renewed_json),
    ("mesh-clock-back", PackageResources.mesh_clock_back_json),
    ("mesh-in-halves", PackageResources.mesh_in_halves_json),
    ("mesh-of-five", PackageResources.mesh_of_five_json),
    ("nat-reboot", PackageResources.nat_reboot_json),
    ("nat-reboot-newip", PackageResources.nat_reboot_newip_json),
    ("nat-reboot-over-tcp", PackageResources.nat_reboot_over_tcp_json),
    ("nat64-v4-registry", PackageResources.nat64_v4_registry_json),
    ("new-lease", PackageResources.new_lease_json),
    ("no-common-relay", PackageResources.no_common_relay_json),
    ("no-common-relay-hidden", PackageResources.no_common_relay_hidden_json),
    ("no-common-relay-tcp", PackageResources.no_common_relay_tcp_json),
    ("no-relay", PackageResources.no_relay_json),
    ("no-udp", PackageResources.no_udp_json),
    ("ocean-crossing", PackageResources.ocean_crossing_json),
    ("open-open", PackageResources.open_open_json),
    ("outage-then-one-way", PackageResources.outage_then_one_way_json),
    ("pmtu-1280", PackageResources.pmtu_1280_json),
    ("pmtu-shrinks", PackageResources.pmtu_shrinks_json),
    ("pmtu-shrinks-busy", PackageResources.pmtu_shrinks_busy_json),
    ("prefer-tcp", PackageResources.prefer_tcp_json),
    ("quic-blackhole", PackageResources.quic_blackhole_json),
    ("quic-crosstraffic", PackageResources.quic_crosstraffic_json),
    ("quic-goodput", PackageResources.quic_goodput_json),
    ("quic-handshake", PackageResources.quic_handshake_json),
    ("quic-handshakecorruption", PackageResources.quic_handshakecorruption_json),
    ("quic-handshakeloss", PackageResources.quic_handshakeloss_json),
    ("quic-ipv6", PackageResources.quic_ipv6_json),
    ("quic-longrtt", PackageResources.quic_longrtt_json),
    ("quic-migration", PackageResources.quic_migration_json),
    ("quic-multiplexing", PackageResources.quic_multiplexing_json),
    ("quic-rebind-addr", PackageResources.quic_rebind_addr_json),
    ("quic-rebind-port", PackageResources.quic_rebind_port_json),
    ("quic-resumption", PackageResources.quic_resumption_json),
    ("quic-transfer", PackageResources.quic_transfer_json),
    ("quic-transfercorruption", PackageResources.quic_transfercorruption_json),
    ("quic-transferloss", PackageResources.quic_transferloss_json),
    ("reboot-while-meeting", PackageResources.reboot_while_meeting_json),
    ("refused", PackageResources.refused_json),
    ("registry-away", PackageResources.registry_away_json),
    ("registry-lost-over-tcp", PackageResources.registry_lost_over_tcp_json),
    ("registry-restarts-often", PackageResources.registry_restarts_often_json),
    ("relay-dies", PackageResources.relay_dies_json),
    ("relay-kill-mid-upgrade", PackageResources.relay_kill_mid_upgrade_json),
    ("relayed-by-wish", PackageResources.relayed_by_wish_json),
    ("relayed-five-minutes", PackageResources.relayed_five_minutes_json),
    ("relayed-once-more", PackageResources.relayed_once_more_json),
    ("relayed-ten-minutes", PackageResources.relayed_ten_minutes_json),
    ("restart", PackageResources.restart_json),
    ("same-cgn-hairpin", PackageResources.same_cgn_hairpin_json),
    ("same-cgn-no-hairpin", PackageResources.same_cgn_no_hairpin_json),
    ("same-nat-hairpin", PackageResources.same_nat_hairpin_json),
    ("same-nat-isolated", PackageResources.same_nat_isolated_json),
    ("same-nat-isolated-hairpin", PackageResources.same_nat_isolated_hairpin_json),
    ("same-nat-no-hairpin", PackageResources.same_nat_no_hairpin_json),
    ("same-port", PackageResources.same_port_json),
    ("satellite", PackageResources.satellite_json),
    ("six-friends", PackageResources.six_friends_json),
    ("somebody-else-there", PackageResources.somebody_else_there_json),
    ("strict-strict", PackageResources.strict_strict_json),
    ("triple-nat", PackageResources.triple_nat_json),
    ("two-phones", PackageResources.two_phones_json),
    ("udp-blocked-both", PackageResources.udp_blocked_both_json),
    ("udp-blocked-one", PackageResources.udp_blocked_one_json),
    ("v6-firewalls", PackageResources.v6_firewalls_json),
    ("v6-only-v4-only", PackageResources.v6_only_v4_only_json),
    ("v6-only-x-nat64", PackageResources.v6_only_x_nat64_json),
    ("vnet-disconnected-connected", PackageResources.vnet_disconnected_connected_json),
    ("vnet-one-to-one-symmetric", PackageResources.vnet_one_to_one_symmetric_json),
    ("vnet-router-delay", PackageResources.vnet_router_delay_json),
    ("vnet-symmetric-both", PackageResources.vnet_symmetric_both_json),
    ("vnet-symmetric-one-to-one", PackageResources.vnet_symmetric_one_to_one_json),
    ("vnet-token-bucket", PackageResources.vnet_token_bucket_json),
    ("wifi-to-cellular", PackageResources.wifi_to_cellular_json),
    ("wifi-to-cellular-strict", PackageResources.wifi_to_cellular_strict_json),
  ]
}
