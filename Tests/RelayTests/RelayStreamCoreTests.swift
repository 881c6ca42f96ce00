import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's core with TCP")
struct RelayStreamCoreTests {
  private let client = RelayScene.caller()
  private let data = RelayScene.caller(1, port: 4001)
  private let peer = RelayScene.peer
  private static let bob = RelayScene.User(name: "bob", password: "hidden")
  private typealias Fill = (inout STUNMessageWriter) -> Void

  @Test("gives an address for TCP to whoever has come over TCP, without pairs and tokens")
  func allocate() throws {
    let scene = RelayScene()
    let tcp: Fill = { $0.put(.requestedTransport, 6 << 24) }
    #expect(try scene.refusal(.allocate, from: RelayScene.client(), tcp) == .badRequest)
    for fill in [{ $0.put(.evenPort, bytes: [0]) }, { $0.put(.reservationToken, long: 1) }] as [Fill] {
      let code = try scene.refusal(.allocate, from: client) {
        tcp(&$0)
        fill(&$0)
      }
      #expect(code == .badRequest)
    }
    let relayed = try scene.allocateTCP(client)
    #expect(scene.open.values.contains(relayed))
    // Datagrams are none of its business (RFC 6062, 4.1).
    #expect(try scene.permit(peer, from: client) == nil)
    #expect(try scene.bind(0x4000, to: peer, from: client) == .badRequest)
    #expect(try scene.send("x", to: peer, from: client) == nil)
    let none = RelayScene { $0.connections = 0 }
    #expect(try none.refusal(.allocate, from: client, tcp) == .unsupportedTransport)
  }

  @Test("opens a connection from the relayed address, says when it is open, and gives it to who claims it")
  func connects() throws {
    let scene = RelayScene()
    let relayed = try scene.allocateTCP(client)
    let dial = try scene.connect(to: peer, from: client).get()
    #expect(dial.from == relayed && dial.to == peer && dial.number.id != 0)
    let answer = try #require(try scene.dialed(dial))
    #expect(try answer.messageClass == .success && answer.number(.connectionID) == dial.number.id)
    #expect(try scene.dialed(dial) == nil, "it was told once")
    #expect(try scene.claim(dial.number.id, from: data) == nil)
    scene.pass(.seconds(500))
    #expect(scene.core.streamCount == 1 && scene.streams == [dial.number])
    scene.core.ended(dial.number)
    scene.tidyUp()
    #expect(scene.core.streamCount == 0 && scene.streams.isEmpty && scene.hungUpOn == [data])
    #expect(scene.core.streamIDs.isEmpty)
    // The peer may be connected to again.
    _ = try scene.connect(to: peer, from: client).get()
  }

  @Test("connects to nobody twice: 446 as long as there is a connection, however it came about")
  func exists() throws {
    let scene = RelayScene()
    try scene.allocateTCP(client)
    let dial = try scene.connect(to: peer, from: client).get()
    #expect(try scene.refusalToConnect(to: peer, from: client) == .connectionExists)
    _ = try scene.dialed(dial)
    #expect(try scene.refusalToConnect(to: peer, from: client) == .connectionExists)
    #expect(try scene.claim(dial.number.id, from: data) == nil)
    #expect(try scene.refusalToConnect(to: peer, from: client) == .connectionExists)
    // Another port is another peer, and another client's connection is none of its.
    let second = try scene.connect(to: SocketAddress(peer.ip, port: 100), from: client).get()
    #expect(try scene.dialed(second, succeeded: false)?.error == .connectionFailure)
    #expect(STUNErrorCode.connectionFailure.rawValue == 447 && STUNErrorCode.connectionExists.rawValue == 446)
    let other = RelayScene.caller(2)
    try scene.allocateTCP(other)
    _ = try scene.connect(to: peer, from: other).get()
    #expect(try scene.permit(peer, from: client) == nil)
    _ = try #require(try scene.arrive(from: SocketAddress(peer.ip, port: 7), at: client))
    #expect(
      try scene.refusalToConnect(to: SocketAddress(peer.ip, port: 7), from: client) == .connectionExists)
  }

  @Test("gives up after half a minute what does not open, with 447, and what nobody claims")
  func patience() throws {
    let scene = RelayScene()
    try scene.allocateTCP(client)
    let slow = try scene.connect(to: peer, from: client).get()
    let quick = try scene.connect(to: SocketAddress(peer.ip, port: 100), from: client).get()
    scene.pass(.seconds(20))
    _ = try scene.dialed(quick)
    scene.pass(.seconds(10) - .nanoseconds(1))
    #expect(scene.streams == [slow.number, quick.number] && scene.told.isEmpty)
    scene.pass(.nanoseconds(1))
    #expect(scene.streams == [quick.number] && scene.told.count == 1)
    #expect(try RelayScene.Answer(scene.told[0]).error == .connectionFailure)
    #expect(try scene.dialed(slow) == nil, "what opens afterwards is too late")
    scene.pass(.seconds(20))
    #expect(scene.streams.isEmpty && scene.core.counters.unclaimed == 1)
    #expect(try scene.claim(quick.number.id, from: data) == .badRequest)
    #expect(scene.core.nextDeadline.map { $0 > scene.now } == true)
  }

  @Test("lets in who was named, tells its client who it is, and nobody else in")
  func arrivals() throws {
    let scene = RelayScene()
    try scene.allocateTCP(client)
    #expect(try scene.arrive(from: peer, at: client) == nil)
    #expect(scene.core.counters.unpermitted == 1)
    #expect(try scene.permit(peer, from: client) == nil)
    let from = SocketAddress(peer.ip, port: 5_555)
    let told = try #require(try scene.arrive(from: from, at: client))
    #expect(told.messageClass == .indication && told.integrity == .none)
    #expect(try told.values(.xorPeerAddress) == [from])
    let id = try #require(try told.number(.connectionID))
    #expect(try scene.claim(id, from: data) == nil)
    // The permission has ended, and what was let in stays.
    scene.pass(.seconds(300))
    #expect(try scene.arrive(from: peer, at: client) == nil)
    #expect(scene.core.streamCount == 1)
  }

  @Test("reaches no machine of its own network by TCP either, and none of its own ports")
  func reach() throws {
    let scene = RelayScene()
    try scene.allocateTCP(client) { $0.put(.additionalAddressFamily, 2 << 24) }
    for text in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.7.1", "0.0.0.0", "::1", "fd00::1"] {
      let address = SocketAddress(try IPAddress(text), port: 80)
      #expect(try scene.refusalToConnect(to: address, from: client) == .forbidden, "\(text)")
    }
    #expect(try scene.refusalToConnect(to: RelayScene.server, from: client) == .forbidden)
    let ssh = SocketAddress(RelayScene.relayIP, port: 22)
    #expect(try scene.refusalToConnect(to: ssh, from: client) == .forbidden)
    #expect(try scene.refusalToConnect(to: SocketAddress(peer.ip, port: 0), from: client) == .badRequest)
    #expect(scene.core.streamCount == 0)
    _ = try scene.connect(to: SocketAddress(IPAddress(10, 9, 1, 1), port: 1), from: client).get()
    let old = RelayScene()
    try old.allocateTCP(client)
    #expect(try old.refusalToConnect(to: RelayScene.peerV6, from: client) == .peerAddressFamilyMismatch)
  }

  @Test(
    "connects two of its clients behind a NAT by the addresses that the machine has, and names the others")
  func bothRelayed() throws {
    let (outside, inside) = (IPAddress(34, 5, 6, 7), IPAddress(192, 168, 7, 1))
    let scene = RelayScene { $0.addresses = [RelayAddress(inside, announced: outside)] }
    let second = RelayScene.caller(2)
    let (one, other) = (try scene.allocateTCP(client), try scene.allocateTCP(second))
    let dial = try scene.connect(to: other, from: client).get()
    #expect(dial.to == SocketAddress(inside, port: other.port))
    #expect(dial.from == SocketAddress(inside, port: one.port))
    #expect(try scene.arrive(from: dial.from, at: second) == nil)
    #expect(try scene.permit(one, from: second) == nil)
    let told = try #require(try scene.arrive(from: dial.from, at: second))
    #expect(try told.values(.xorPeerAddress) == [one])
    // Oneself is nobody, and an address for datagrams is not one for TCP.
    #expect(try scene.refusalToConnect(to: one, from: client) == .forbidden)
    let datagrams = try scene.allocate(RelayScene.client(3))
    #expect(try scene.refusalToConnect(to: datagrams, from: client) == .forbidden)
  }

  @Test("gives a connection to its owner alone, once, and over a connection of its own")
  func hostileClaims() throws {
    let scene = RelayScene()
    try scene.allocateTCP(client)
    let bobs = RelayScene.caller(2)
    try scene.allocateTCP(bobs, as: Self.bob)
    let dial = try scene.connect(to: peer, from: client).get()
    let id = dial.number.id
    #expect(try scene.claim(id, from: data) == .badRequest, "it is not open yet")
    _ = try scene.dialed(dial)
    // Somebody else's, whoever he is and by whichever connection.
    #expect(try scene.claim(id, from: RelayScene.caller(3), as: Self.bob) == .badRequest)
    #expect(try scene.claim(id, from: bobs, as: Self.bob) == .badRequest)
    #expect(try scene.refusalToConnect(to: peer, from: client, as: Self.bob) == .wrongCredentials)
    #expect(scene.core.counters.wrongUsers == 2)
    // A guess, the connection of an allocation, and UDP.
    #expect(try scene.claim(id &+ 1, from: data) == .badRequest)
    #expect(try scene.claim(id, from: client) == .badRequest)
    #expect(try scene.claim(id, from: RelayScene.client(4)) == .badRequest)
    let nothing = try scene.signed(.connectionBind, from: data)
    #expect(try scene.say(nothing, from: data)?.error == .badRequest)
    #expect(try scene.claim(id, from: data) == nil)
    #expect(try scene.claim(id, from: RelayScene.caller(1, port: 4002)) == .badRequest, "it is taken")
    // Without an allocation, or with one of datagrams, there is nobody to connect.
    #expect(try scene.refusalToConnect(to: peer, from: RelayScene.caller(5)) == .allocationMismatch)
    let datagrams = RelayScene.caller(6)
    try scene.allocate(datagrams)
    #expect(try scene.refusalToConnect(to: peer, from: datagrams) == .allocationMismatch)
  }

  @Test("leaves nothing of an allocation's connections when it ends, in whichever way")
  func ends() throws {
    for way in 0..<3 {
      let scene = RelayScene()
      try scene.allocateTCP(client)
      #expect(try scene.permit(peer, from: client) == nil)
      let opening = try scene.connect(to: peer, from: client).get()
      let open = try scene.connect(to: SocketAddress(peer.ip, port: 100), from: client).get()
      _ = try scene.dialed(open)
      #expect(try scene.claim(open.number.id, from: data) == nil)
      _ = try #require(try scene.arrive(from: SocketAddress(peer.ip, port: 9), at: client))
      #expect(scene.streams.count == 3)
      switch way {
      case 0: scene.hangUp(client)
      case 1: _ = try scene.ask(.refresh, from: client) { $0.put(.lifetime, 0) }
      default: scene.pass(.seconds(600))
      }
      #expect(scene.streams.isEmpty && scene.open.isEmpty && scene.core.streamCount == 0, "way \(way)")
      #expect(scene.hungUpOn == [data] && scene.core.relayedTCP.isEmpty && scene.core.streamIDs.isEmpty)
      #expect(try scene.dialed(opening) == nil)
      #expect(scene.core.nextDeadline == nil)
    }
  }

  @Test("has ten thousand connections asked of it and opens as many as it may, in memory that does not grow")
  func flood() throws {
    let scene = RelayScene {
      $0.connections = 90
      $0.connectionsPerAllocation = 40
    }
    let clients = (1...3).map { RelayScene.caller($0) }
    for client in clients { try scene.allocateTCP(client) }
    #expect(try scene.permit(peer, from: clients[0]) == nil)
    var codes: [STUNErrorCode?: Int] = [:]
    for number in 0..<10_000 {
      let target = SocketAddress(peer.ip, port: UInt16(1 + number / 3))
      codes[try scene.refusalToConnect(to: target, from: clients[number % 3]), default: 0] += 1
    }
    #expect(codes[nil] == 90 && codes[.insufficientCapacity]! + codes[.connectionExists, default: 0] == 9_910)
    #expect(scene.core.streamCount == 90 && scene.core.streams.count == 90 && scene.streams.count == 90)
    #expect(try scene.arrive(from: SocketAddress(peer.ip, port: 60_000), at: clients[0]) == nil)
    scene.pass(.seconds(30))
    #expect(scene.streams.isEmpty && scene.core.counters.unconnected == 90)
    // And again from the beginning, in the same places.
    for number in 0..<10_000 {
      let target = SocketAddress(peer.ip, port: UInt16(1 + number))
      let dial = try scene.connect(to: target, from: clients[0]).get()
      _ = try scene.dialed(dial, succeeded: false)
    }
    #expect(scene.core.streams.count == 90 && scene.core.streamCount == 0 && scene.core.closing.isEmpty)
  }

  @Test("gives more than there ever is at once its turn as well, and has the next wait for it")
  func muchAtOnce() throws {
    let scene = RelayScene { $0.bandwidth = 100_000 }
    try scene.allocateTCP(RelayScene.caller())
    let number = try scene.connect(to: peer, from: RelayScene.caller()).get().number
    let (began, count) = (scene.now, 3 * MachineLimits.largestDatagram)
    for round in 0..<5 {
      var waits = 0
      while let wait = scene.core.delay(count, of: number, at: scene.now), waits < 100 {
        scene.now = scene.now.advanced(by: wait)
        waits += 1
      }
      #expect(waits < 100, "round \(round) never passes")
    }
    let seconds = Double(began.duration(to: scene.now).components.seconds)
    let passed = Double(4 * count - MachineLimits.largestDatagram)
    #expect(abs(seconds - passed / 100_000) < 2, "\(seconds) s")
  }

  @Test("takes nothing that is said of a connection for one that has its place since")
  func places() throws {
    let scene = RelayScene()
    let client = RelayScene.caller()
    try scene.allocateTCP(client)
    let old = try scene.connect(to: peer, from: client).get().number
    scene.core.ended(old)
    scene.tidyUp()
    let other = SocketAddress(peer.ip, port: peer.port + 1)
    let dial = try scene.connect(to: other, from: client).get()
    #expect(dial.number.slot == old.slot && dial.number != old)
    var answer = STUNMessageWriter()
    #expect(scene.core.dialed(old, succeeded: true, at: scene.now, into: &answer) == nil)
    #expect(scene.core.delay(1, of: old, at: scene.now) == nil)
    scene.core.ended(old)
    scene.tidyUp()
    #expect(scene.streams == [dial.number])
    let told = try #require(try scene.dialed(dial))
    #expect(try told.number(.connectionID) == dial.number.id)
    scene.core.ended(old)
    #expect(try scene.claim(old.id, from: RelayScene.caller(port: 4001)) == .badRequest)
    #expect(try scene.claim(dial.number.id, from: RelayScene.caller(port: 4001)) == nil)
  }

  @Test("has what comes over TCP wait for its bandwidth, and loses none of it")
  func bandwidth() throws {
    let scene = RelayScene {
      $0.bandwidth = 1_000_000
      $0.totalBandwidth = 1_500_000
    }
    var numbers: [RelayStreamNumber] = []
    for number in 1...2 {
      try scene.allocateTCP(RelayScene.caller(number))
      numbers.append(try scene.connect(to: peer, from: RelayScene.caller(number)).get().number)
    }
    var passed = [0, 0]
    var due = [scene.now, scene.now]
    let end = scene.now.advanced(by: .seconds(10))
    while let next = due.min(), next < end {
      let place = due[0] <= due[1] ? 0 : 1
      scene.now = next
      if let wait = scene.core.delay(RelayLimits.streamReadBytes, of: numbers[place], at: next) {
        due[place] = next.advanced(by: wait)
      } else {
        passed[place] += RelayLimits.streamReadBytes
      }
    }
    let sum = passed[0] + passed[1]
    #expect(sum > 14_800_000 && sum < 15_500_000, "\(sum)")
    #expect(passed.allSatisfy { $0 > 4_000_000 && $0 < 10_300_000 }, "\(passed)")
  }
}
