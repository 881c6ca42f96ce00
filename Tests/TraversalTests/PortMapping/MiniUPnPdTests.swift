import Glibc
import TestSupport
import Testing
import Warren
import WarrenSimulator

/// A home behind a gateway that this computer's kernel and Debian's miniupnpd are, and somebody outside; all of it
/// in network namespaces, out of which nothing gets.
private struct RealHome {
  static let gateway = IPAddress(192, 168, 77, 1)
  /// Not one of those for documentation, at which miniupnpd refuses to work.
  static let outside = IPAddress(5, 6, 7, 8)

  /// Why there can be none here; nil where there can.
  static let obstacle: String? =
    OwnNetwork.obstacle
    ?? (system("command -v miniupnpd nsenter >/dev/null 2>&1") == 0
      ? nil : "miniupnpd is not installed: apt-get install --no-install-recommends miniupnpd")

  let alice: LocalMachine
  let bob: LocalMachine
  private let folder: String

  /// Runs `body` in a home of its own, of which nothing is left.
  static func run(_ body: (RealHome) async throws -> Void) async throws {
    try await Folder.with { folder in
      let home = try await RealHome(folder)
      do {
        try await body(home)
      } catch {
        await home.close()
        throw error
      }
      await home.close()
    }
  }

  private init(_ folder: String) async throws {
    self.folder = folder
    let home = OwnNetwork.make()
    let internet = OwnNetwork.make()
    alice = try #require(home.machine)
    bob = try #require(internet.machine)
    let (inHome, inInternet) = (
      "nsenter --net=/proc/\(try await home.threadNumber())/ns/net",
      "nsenter --net=/proc/\(try await internet.threadNumber())/ns/net"
    )
    let gateway = OwnNetwork.make(
      "ip link add lan type veth peer name eth0 netns \(try await home.threadNumber())",
      "ip link add wan type veth peer name eth0 netns \(try await internet.threadNumber())",
      "ip addr add 192.168.77.1/24 dev lan && ip link set lan up",
      "ip addr add 5.6.7.8/24 dev wan && ip link set wan up",
      "echo 1 > /proc/sys/net/ipv4/ip_forward",
      "\(inHome) ip addr add 192.168.77.2/24 dev eth0 && \(inHome) ip link set eth0 up",
      "\(inHome) ip route add default via 192.168.77.1",
      "\(inInternet) ip addr add 5.6.7.9/24 dev eth0 && \(inInternet) ip link set eth0 up",
      "printf '%s' '\(RealHome.rules)' | nft -f -",
      "printf '%s' '\(RealHome.settings)' > \(folder)/settings",
      "{ miniupnpd -d -f \(folder)/settings -P \(folder)/process >\(folder)/log 2>&1 & echo $! > \(folder)/pid; }",
      // Until it listens, whichever protocol it is asked by, and the cables are known to be plugged in.
      until("ss -Hlun sport = 5351 | grep -q ."), until("ss -Hlun sport = 1900 | grep -q ."),
      until("\(inHome) ip link show eth0 | grep -q 'state UP'")
    )
    #expect(gateway.failure == nil)
    await gateway.machine?.close()
  }

  private func close() async {
    await alice.close()
    await bob.close()
    // It inherits that signals wait, from a thread of this process: so it is not asked.
    #expect(system("kill -KILL $(cat \(folder)/pid)") == 0)
  }

  /// A NAT that lets nobody in but answers, with the chains that miniupnpd expects.
  private static let rules = """
    table inet filter {
      chain forward {
        type filter hook forward priority 0; policy drop;
        iifname lan accept
        ct state established,related accept
        jump miniupnpd
      }
      chain miniupnpd { }
      chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
      chain postrouting {
        type nat hook postrouting priority 100;
        jump postrouting_miniupnpd
        oifname wan masquerade
      }
      chain prerouting_miniupnpd { }
      chain postrouting_miniupnpd { }
    }

    """

  private static let settings = """
    ext_ifname=wan
    listening_ip=lan
    enable_natpmp=yes
    enable_upnp=yes
    secure_mode=yes
    system_uptime=yes
    min_lifetime=120
    max_lifetime=86400
    uuid=cc3da73e-d5a7-40ad-b32b-0d8d621dd6ee
    force_igd_desc_v1=no
    allow 1024-65535 192.168.77.0/24 1024-65535

    """
}

/// A command that waits for another to succeed, for ten seconds at the most.
private func until(_ command: String) -> String {
  "for i in $(seq 100); do \(command) && exit 0; sleep 0.1; done; exit 1"
}

@Suite(
  "At miniupnpd behind the kernel's NAT", .serialized,
  .enabled(if: RealHome.obstacle == nil, "\(RealHome.obstacle ?? "")"))
struct MiniUPnPdTests {
  /// Whether somebody outside gets through. To see that nobody does, a second is enough on one computer; who should get
  /// through is given the time to ask again.
  private func reaches(
    _ place: SocketAddress, from bob: LocalMachine, _ transport: TransportProtocol,
    within limit: Duration = .seconds(10)
  ) async throws -> Bool {
    try await bob.run {
      let client = EchoClient(on: bob)
      var isThere = false
      do {
        switch transport {
        case .udp: isThere = try await client.call(place, with: [1, 2], within: limit).from == place
        case .tcp:
          isThere =
            try await bob.withDeadline(limit) {
              try await client.callOverTCP(place, with: [1, 2]).bytes
            } == [1, 2]
        }
      } catch is DeadlineExceeded {
        isThere = false
      } catch NetworkError.connectionRefused {
        isThere = false
      }
      await client.close()
      return isThere
    }
  }

  @Test(
    "a mapping lets somebody outside in until it is closed", arguments: PortMappingProtocol.allCases,
    TransportProtocol.allCases)
  func opens(_ name: PortMappingProtocol, _ transport: TransportProtocol) async throws {
    try await RealHome.run { home in
      let alice = home.alice
      let echo = EchoServer(on: alice)
      let local = try await alice.run { try await echo.start(at: .any(.v4)) }
      let place = SocketAddress(RealHome.outside, port: local.port)
      #expect(try await !reaches(place, from: home.bob, transport, within: .seconds(1)))

      let mapper = PortMapper(on: alice, by: [name])
      let mapping = try await alice.run {
        try await mapper.map(port: local.port, transport, within: .seconds(10))
      }
      #expect(mapping.via == name)
      #expect(mapping.outside == place)
      #expect(mapping.gateway == RealHome.gateway)
      #expect(!mapping.isBehindAnotherNAT)
      #expect(try await reaches(mapping.outside, from: home.bob, transport))

      try await alice.run { await mapper.close() }
      #expect(try await !reaches(mapping.outside, from: home.bob, transport, within: .seconds(1)))
      let faults = try await alice.run { await mapper.refusedAnswers }
      // On a busy computer a question is repeated, and its second answer comes when nobody asks any more.
      let strange = AnswerFault.allCases.filter { $0 != .unexpected && faults[$0] > 0 }
      #expect(strange == [])
      try await alice.run { await echo.stop() }
    }
  }

  @Test("a mapping comes of asking by all three, whichever is first here")
  func all() async throws {
    try await RealHome.run { home in
      let alice = home.alice
      try await alice.run {
        let mapper = PortMapper(on: alice)
        let mapping = try await mapper.map(port: 4000, within: .seconds(10))
        #expect(mapping.outside == SocketAddress(RealHome.outside, port: 4000))
        await mapper.close()
      }
    }
  }
}
