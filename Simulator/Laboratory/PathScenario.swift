import Warren
import WarrenSimulator

/// Something that happens to the ways of a connection, in the middle of what is said over it.
public struct PathScenario: Sendable, CustomStringConvertible {
  /// What it is called.
  public var name: String
  /// Why it exists.
  public var reason: String
  /// Where the two are.
  public var alice, bob: Place
  /// How long they talk.
  public var duration: Duration = .seconds(20)
  /// Whether there is a second relay, which both know.
  public var hasSecondRelay = false
  /// At which port the registry is.
  public var registryPort = RegistryAddress.port
  /// How the peers are.
  public var change: @Sendable (inout Peer.Configuration) -> Void = { _ in }
  /// What happens.
  public var happens: @Sendable (PathTrial.Scene) async throws -> Void = { _ in }
  /// How long nothing may come at most.
  public var silence: Duration
  /// How often nothing may come for a moment.
  public var mostBreaks: Int?
  /// Which kind of way it takes in the end.
  public var lastKind: Path.Kind?
  /// How often the kind may change.
  public var mostChanges: Int?

  public var description: String { name }

  /// A round trip straight from one to the other; over a relay it takes twice as long.
  static let roundTrip = PeerTrial.oneWay * 2

  init(
    _ name: String, _ alice: Place, _ bob: Place, silence: Duration, _ reason: String,
    _ change: (inout PathScenario) -> Void = { _ in }
  ) {
    (self.name, self.reason, self.alice, self.bob, self.silence) = (name, reason, alice, bob, silence)
    change(&self)
  }
}

extension PathScenario {
  /// Until a way is taken for dead, which takes two round trips and half a second; and what was lost has come over the relay: three
  /// of its round trips, with what was on its way before.
  static let fallBack = roundTrip * 2 + .milliseconds(500) + roundTrip * 7 + PathTrial.interval * 2

  /// All that have a name.
  public static let all: [PathScenario] = [
    upgrade, cut, cutOneWay, cutIsBack, wifiToMobile, calledRoams, natReboot, natMoves,
    relayCrash, blockedHere, blockedThere, blockedBoth, httpsHere, httpsThere, httpsBoth, smallerPackets,
    carrierForgets, relayOnly,
    switchToTCP, calledSwitches, cutTCP, tcpInstead,
  ]

  static let upgrade = PathScenario(
    "upgrade", .portRestricted, .random, silence: roundTrip * 2 + PathTrial.interval,
    "it begins over the relay, and goes on straight in the middle of a transfer"
  ) {
    $0.lastKind = .direct
    $0.mostChanges = 1
  }

  static let cut = PathScenario(
    "cut", .portRestricted, .firewall, silence: fallBack,
    "a firewall cuts the way after a minute: the relay was kept for that"
  ) {
    $0.duration = .seconds(80)
    $0.lastKind = .relayed
    $0.happens = { scene in
      try await scene.wait(.seconds(60))
      scene.world.cut(between: "alice", and: "bob")
    }
  }

  static let cutOneWay = PathScenario(
    "cut one way", .portRestricted, .portRestricted, silence: fallBack,
    "nothing passes any more to one side, and everything to the other"
  ) {
    $0.lastKind = .relayed
    $0.happens = { scene in
      try await scene.wait(.seconds(10))
      scene.world.cut(from: "bob", to: "alice")
    }
  }

  static let cutIsBack = PathScenario(
    "cut and back", .portRestricted, .portRestricted, silence: fallBack + roundTrip * 2,
    "the way comes and goes: the connection does not flap"
  ) {
    $0.duration = .seconds(60)
    $0.mostChanges = 12
    $0.happens = { scene in
      for _ in 0..<6 {
        try await scene.wait(.seconds(5))
        scene.world.cut(from: "bob", to: "alice")
        try await scene.wait(.seconds(3))
        scene.world.mend(from: "bob", to: "alice")
      }
    }
  }

  private static func roaming(_ name: String) -> @Sendable (PathTrial.Scene) async throws -> Void {
    { scene in
      let (home, mobile) = (scene.world.box("\(name)'s NAT"), scene.world.box("mobile network"))
      try await scene.wait(.seconds(10))
      scene.world.machine(name).roam(behind: mobile)
      try await scene.wait(.seconds(10))
      scene.world.machine(name).roam(behind: home)
    }
  }

  static let wifiToMobile = PathScenario(
    "Wi-Fi to mobile and back", .portRestricted, .portRestricted, silence: .milliseconds(1500),
    "whoever called leaves the house and comes back: its relay moves with it"
  ) {
    $0.duration = .seconds(40)
    $0.happens = roaming("alice")
  }

  static let calledRoams = PathScenario(
    "the called one roams", .portRestricted, .portRestricted, silence: .milliseconds(1500),
    "whoever was called leaves the house: it cannot change ways by itself"
  ) {
    $0.duration = .seconds(40)
    $0.happens = roaming("bob")
  }

  static let natReboot = PathScenario(
    "NAT reboot", .portRestricted, .portRestricted, silence: .milliseconds(1500),
    "a NAT forgets all its mappings"
  ) {
    $0.happens = { scene in
      try await scene.wait(.seconds(10))
      scene.world.box("bob's NAT").reboot()
    }
  }

  static let natMoves = PathScenario(
    "NAT reboot, elsewhere", .portRestricted, .portRestricted, silence: .milliseconds(2500),
    "a provider gives a home another address: what was let in to the old one is not any more"
  ) {
    $0.happens = { scene in
      try await scene.wait(.seconds(10))
      scene.world.box("alice's NAT").reboot(renumbering: true)
    }
  }

  static let relayCrash = PathScenario(
    "relay crash", .blocked, .random, silence: .milliseconds(1500),
    "the relay in use is gone: there is a second"
  ) {
    $0.hasSecondRelay = true
    $0.lastKind = .relayed
    $0.happens = { scene in
      // Whichever it goes over is gone without a word.
      let (path, own) = (await scene.connection.path, await scene.alice.relayedAddresses)
      let used = path.network.channel == 0 ? path.remote.ip : own.first?.ip
      try await scene.wait(.seconds(10))
      let machine = scene.world.machine(
        used == scene.world.machine("relay").address(.v4) ? "relay" : "registry")
      machine.uplink.configuration.isUp = false
      machine.downlink.configuration.isUp = false
    }
  }

  static let blockedHere = PathScenario(
    "UDP blocked here", .blocked, .portRestricted, silence: roundTrip * 4,
    "only TCP leads out of the caller's network")
  static let blockedThere = PathScenario(
    "UDP blocked there", .portRestricted, .blocked, silence: roundTrip * 4,
    "only TCP leads out of the called one's network")
  static let blockedBoth = PathScenario(
    "UDP blocked on both sides", .blocked, .blocked, silence: roundTrip * 4,
    "only TCP leads out of either network")

  private static func onlyHTTPS(_ scenario: inout PathScenario) {
    scenario.registryPort = 443
    scenario.lastKind = .relayed
    scenario.mostChanges = 0
  }

  static let httpsHere = PathScenario(
    "port 443 alone here", .onlyHTTPS, .portRestricted, silence: roundTrip * 4,
    "nothing but TCP to port 443 leads out of the caller's network: registry and relay are there", onlyHTTPS)
  static let httpsThere = PathScenario(
    "port 443 alone there", .portRestricted, .onlyHTTPS, silence: roundTrip * 4,
    "nothing but TCP to port 443 leads out of the called one's network", onlyHTTPS)
  static let httpsBoth = PathScenario(
    "port 443 alone on both sides", .onlyHTTPS, .onlyHTTPS, silence: roundTrip * 4,
    "nothing but TCP to port 443 leads out of either network", onlyHTTPS)

  static let smallerPackets = PathScenario(
    "1,280 bytes", .portRestricted, .portRestricted, silence: .milliseconds(1500),
    "the way carries less than it did, and says nothing"
  ) {
    $0.lastKind = .direct
    $0.happens = { scene in
      try await scene.wait(.seconds(8))
      scene.world.machine("alice").uplink.configuration.mtu = 1280
      scene.world.machine("alice").downlink.configuration.mtu = 1280
    }
  }

  static let carrierForgets = PathScenario(
    "a carrier that forgets", Place("forgetful", forgetful), .portRestricted,
    silence: fallBack + roundTrip * 2,
    "mappings live 50 to 75 s, whatever comes over them: two are lost, then the next way is open before"
  ) {
    $0.duration = .seconds(900)
    $0.mostBreaks = 3
    $0.mostChanges = 8
  }

  private static let forgetful = NATConfiguration.changed {
    $0.lifetimes.absolute = .seconds(50)...(.seconds(75))
    $0.keepsPort = false
  }

  static let switchToTCP = PathScenario(
    "switch to TCP and back", .portRestricted, .portRestricted, silence: roundTrip * 3,
    "its user wants it to go over TCP, and then not any more: not a byte is lost"
  ) {
    $0.duration = .seconds(30)
    $0.lastKind = .direct
    $0.happens = { scene in
      try await scene.wait(.seconds(5))
      try await scene.connection.prefer(.tcp)
      try await scene.wait(.seconds(10))
      guard await scene.connection.path.kind == .tcp else {
        throw PeerError(.noPath, "it does not go over TCP")
      }
      try await scene.connection.prefer(nil)
    }
  }

  static let calledSwitches = PathScenario(
    "the called one switches", .fullCone, .portRestricted, silence: roundTrip * 3,
    "it is the one that was called who wants TCP, and cannot change ways by itself"
  ) {
    $0.duration = .seconds(30)
    $0.lastKind = .direct
    $0.happens = { scene in
      try await scene.wait(.seconds(5))
      try await scene.other.prefer(.tcp)
      try await scene.wait(.seconds(10))
      guard await scene.connection.path.kind == .tcp else {
        throw PeerError(.noPath, "it does not go over TCP")
      }
      try await scene.other.prefer(nil)
    }
  }

  static let cutTCP = PathScenario(
    "TCP is cut", .portRestricted, .firewall, silence: fallBack + roundTrip * 4,
    "TCP was wanted, and nothing passes any more: it goes on over the relay"
  ) {
    $0.duration = .seconds(30)
    $0.lastKind = .relayed
    $0.happens = { scene in
      try await scene.wait(.seconds(5))
      try await scene.connection.prefer(.tcp)
      try await scene.wait(.seconds(10))
      scene.world.cut(between: "alice", and: "bob")
    }
  }

  static let tcpInstead = PathScenario(
    "TCP instead of a relay", .blocked, .fullCone, silence: roundTrip * 4,
    "UDP is blocked, and TCP is not: the relay is left for it"
  ) {
    $0.duration = .seconds(40)
    $0.lastKind = .tcp
    $0.mostChanges = 1
  }

  static let relayOnly = PathScenario(
    "relays alone", .portRestricted, .fullCone, silence: roundTrip * 4,
    "who wants nothing but relays is never sent anything straight"
  ) {
    $0.change = { $0.paths = .relayed }
    $0.lastKind = .relayed
    $0.mostChanges = 0
  }
}
