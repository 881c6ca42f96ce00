import Glibc
import TestSupport
import Testing
import Warren

@testable import WarrenRelay

enum Dnsmasq {
  static let obstacle: Comment? =
    system("PATH=$PATH:/usr/sbin command -v dnsmasq >/dev/null 2>&1") == 0
    ? nil : "dnsmasq is not there: Scripts/interop.sh, or apt-get install dnsmasq-base"
}

/// A name server that others have written, on loopback.
@Suite(
  "A domain's relays, asked of dnsmasq", .enabled(if: Dnsmasq.obstacle == nil, Dnsmasq.obstacle))
struct DnsmasqTests {
  /// Lends `body` a name server that knows these services.
  private static func with(
    _ services: [String], on machine: any Machine, _ body: (SocketAddress) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      let port = try Coturn.freePort(on: machine)
      let options = [
        "--keep-in-foreground", "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces",
        "--no-resolv",
        "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user=$(id -un)", "--local=/example.org/",
      ]
      let words = (options + services.map { "--srv-host=\($0)" }).joined(separator: " ")
      let start = "cd \(folder) && PATH=$PATH:/usr/sbin && { dnsmasq \(words) >out 2>&1 & echo $! >process; }"
      #expect(system(start) == 0)
      defer { #expect(system("kill -KILL $(cat \(folder)/process)") == 0, "dnsmasq has ended by itself") }
      let address = SocketAddress(.loopback(.v4), port: port)
      try await Coturn.awaitListener(at: address, on: machine)
      try await body(address)
    }
  }

  @Test("are found, and used; over TCP where there are many")
  func found() async throws {
    let open = try await onLocalMachines(["client", "relay"]) { machines in
      let relay = ScriptedRelay(on: machines[1])
      let address = try await relay.start(at: SocketAddress(.loopback(.v4), port: 0))
      let many = (1...30).map { "_turn._tcp.example.org,relay\($0).example.org,3478,\($0)" }
      let one = "_turn._udp.example.org,localhost,\(address.port),1,1"
      try await Self.with([one] + many, on: machines[0]) { names in
        var discovery = RelayDiscovery(domain: "example.org")
        (discovery.username, discovery.password) = ("alice", "open sesame")
        discovery.nameServers = [names]
        let servers = try await discovery.servers(on: machines[0])
        #expect(servers.count == 1 + DNSLimits.services)
        #expect(servers.dropFirst().map(\.host) == (1...DNSLimits.services).map { "relay\($0).example.org" })
        let socket = try await RelayClient.allocate(at: [servers[0]], on: machines[0])
        #expect(socket.relay == address)
        socket.close()
        discovery.domain = "none.example.org"
        let error = await #expect(throws: RelayError.self) {
          _ = try await discovery.servers(on: machines[0])
        }
        #expect(error?.code == .noServers)
        // The farewell.
        while await !relay.core.allocations.isEmpty { try await machines[0].sleep(for: .milliseconds(10)) }
        try await machines[0].sleep(for: .milliseconds(100))
      }
      await relay.stop()
    }
    #expect(open == [0, 0])
  }
}
