import Glibc
import TestSupport
import Testing
import WarrenMesh

@testable import Warren

@Suite("A hostile neighbour in a mesh, over loopback")
struct HostileMeshTests {
  /// A mesh of two, the stranger's victim being the first; afterwards the two still hear each other.
  private func run(
    _ body: @escaping @Sendable (_ victim: MeshNode, _ other: MeshNode) async throws -> Void
  ) async throws {
    let open = try await onLocalMachines(["mesh"]) { machines in
      let machine = machines[0]
      let nodes = try await MeshNode.many(2, on: machine)
      try await body(nodes[0], nodes[1])
      try await nodes[0].mesh.broadcast("still here")
      try await nodes[1].mesh.broadcast("here as well")
      try await machine.wait("the two to hear each other still") {
        nodes[1].texts(of: nodes[0].id).last == "still here"
          && nodes[0].texts(of: nodes[1].id).last == "here as well"
      }
      let known = await nodes[0].state(of: nodes[1].id)
      #expect(known == .alive)
      for node in nodes { await node.mesh.leave() }
    }
    #expect(open == [0])
  }

  /// What is not a hello.
  enum NoHello: String, CaseIterable {
    case garbage, hugeFrame, empty, otherVersion, cut, forgedRecord, othersRecord, longMesh, silence

    func bytes(_ stranger: MeshStranger, _ other: PeerID) -> [UInt8] {
      let hello = stranger.hello
      return switch self {
      case .garbage: MeshLink.frame((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 97) })
      case .hugeFrame: [255, 255, 255, 255, 1, 2, 3]
      case .empty: MeshLink.frame([])
      case .otherVersion: MeshLink.frame([9] + hello.dropFirst())
      case .cut: MeshLink.frame(Array(hello.dropLast(10)))
      case .forgedRecord: MeshLink.frame(hello.dropLast() + [hello.last! ^ 1])
      case .othersRecord:
        MeshLink.frame(
          MeshHello.hello(
            mesh: "loopback", proof: [], DirectCore.Greeting(epoch: 0, taken: 1),
            MemberRecord(other, MemberVersion(epoch: .max), name: "me")
          ).encoded)
      case .longMesh: MeshLink.frame([1, 1, 255] + hello.dropFirst(3))
      case .silence: []
      }
    }

    var code: MeshError.Code {
      switch self {
      case .otherVersion, .empty, .garbage: .version
      case .silence: .silent
      default: .nonsense
      }
    }
  }

  @Test("says something else than who it is: it is turned away", arguments: NoHello.allCases)
  func hello(what: NoHello) async throws {
    try await run { victim, other in
      let stranger = try await MeshStranger(to: victim)
      try await stranger.begin(saying: what.bytes(stranger, other.id))
      #expect(try await stranger.end().code == what.code)
      #expect(await victim.mesh.members.count == 2)
      await stranger.peer.close()
    }
  }

  @Test("opens no stream at all: it is turned away")
  func nothing() async throws {
    try await run { victim, _ in
      let stranger = try await MeshStranger(to: victim)
      #expect(try await stranger.end().code == .silent)
      await stranger.peer.close()
    }
  }

  /// What a neighbour does that it must not.
  enum Offence: String, CaseIterable {
    case hugeWord, noWord, emptyWord, largeSummary, manyHaves, takenTooMuch
    case hugeMessage, noMessage, longHead, badText, gap, unmarked, manyStreams

    func commit(_ stranger: MeshStranger, _ victim: MeshNode) async throws {
      switch self {
      case .hugeWord: try await stranger.words?.write([255, 255, 255, 255, 2])
      case .noWord: try await stranger.say([99, 1, 2, 3])
      case .emptyWord: try await stranger.say([])
      case .largeSummary:
        // Ten thousand entries, each of which could be one.
        let entries = [[UInt8]](repeating: [UInt8](repeating: 0, count: 21), count: 10_000)
        try await stranger.say([2, 0] + entries.joined())
      case .manyHaves:
        let entry = victim.id.bytes + [UInt8](repeating: 1, count: 16)
        try await stranger.say([5] + [[UInt8]](repeating: entry, count: MeshLimits.haveEntries + 1).joined())
      case .takenTooMuch: try await stranger.say(MeshWord.taken(1000).encoded)
      case .hugeMessage: try await stranger.send([1, 0, 50, 255, 255, 255, 255])
      case .noMessage: try await stranger.send([77, 0, 9, 0, 0, 0, 1])
      case .longHead: try await stranger.send([1, 255, 255, 0, 0, 0, 1])
      case .badText:
        try await stranger.send([2, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0xC3, 0x28])
      case .gap: try await stranger.send(.direct(2, DirectCore.Message(.text, [65])))
      case .unmarked:
        let stream = try await stranger.connection.openStream()
        try await stream.write([0])
      case .manyStreams:
        for _ in 0..<10 {
          let stream = try await stranger.connection.openStream(isBidirectional: false)
          try await stream.finish()
        }
      }
    }

    var code: MeshError.Code { self == .hugeMessage ? .tooLarge : .nonsense }
  }

  @Test("is let in, and then says what cannot be: that ends its connection", arguments: Offence.allCases)
  func offence(what: Offence) async throws {
    try await run { victim, _ in
      let stranger = try await MeshStranger(to: victim)
      try await stranger.join()
      try await victim.mesh.machine.wait("it to be a neighbour") {
        await victim.mesh.neighbours.contains(stranger.id)
      }
      // The connection may be closed while it is still saying it.
      try? await what.commit(stranger, victim)
      #expect(try await stranger.end().code == what.code)
      await stranger.peer.close()
    }
  }

  @Test("forges and repeats messages: nobody hears them, and its own are heard once")
  func forged() async throws {
    try await run { victim, other in
      let machine = victim.mesh.machine
      let stranger = try await MeshStranger(to: victim)
      try await stranger.join()
      try await machine.wait("all to know it") {
        let isKnown = await victim.mesh.neighbours.contains(stranger.id)
        let others = await other.state(of: stranger.id)
        return isKnown && others == .alive
      }
      let source = BroadcastCore.Source(id: other.id, epoch: await other.mesh.epoch)
      try await stranger.send(.broadcast(stranger.message(1, "mine")))
      try await stranger.send(.broadcast(stranger.message(1, "mine")))
      try await stranger.send(.broadcast(stranger.message(1, "mine, otherwise")))
      try await stranger.send(.direct(1, DirectCore.Message(.text, Array("alone".utf8))))
      try await stranger.send(.direct(1, DirectCore.Message(.text, Array("alone".utf8))))
      try await stranger.send(.direct(2, DirectCore.Message(.text, Array("the end".utf8))))
      try await machine.wait("it to be heard") { victim.told[stranger.id]?.count == 2 }
      #expect(victim.told == [stranger.id: [.text("alone"), .text("the end")]])
      #expect(victim.texts(of: stranger.id) == ["mine"] && victim.texts(of: other.id).isEmpty)
      try await stranger.send(.broadcast(stranger.signed(source, 1, "forged")))
      try? await stranger.send(.broadcast(stranger.signed(source, 2, "forged as well")))
      #expect(try await stranger.end().code == .nonsense)
      #expect(victim.texts(of: other.id).isEmpty)
      // What the forger took the numbers of is heard all the same.
      try await other.mesh.broadcast("not forged")
      try await machine.wait("the true one to be heard") { victim.texts(of: other.id) == ["not forged"] }
      #expect(!other.texts(of: other.id).contains("forged"))
      await stranger.peer.close()
    }
  }

  @Test("sends packets and words without an end: memory stays as it is")
  func flood() async throws {
    try await run { victim, _ in
      let machine = victim.mesh.machine
      let stranger = try await MeshStranger(to: victim)
      try await stranger.join()
      machine.spawn("what the stranger is told") {
        while let words = stranger.words { _ = try await words.read() }
      }
      let before = residentBytes()
      for round in 0..<2_000 {
        // Summaries of nobody, rumours of nobody that is known, suspicions and packets of chance.
        var random = machine.random
        let chance = (0..<900).map { _ in UInt8.random(in: 0...255, using: &random) }
        try await stranger.say([2, 0] + chance.prefix(20) + [0])
        try await stranger.say([3, 2] + chance.prefix(76))
        try await stranger.say([5] + chance.prefix(48))
        try await stranger.say([6] + chance.prefix(48))
        _ = try await stranger.connection.send(datagram: [UInt8(round % 5)] + chance)
      }
      try await stranger.send(.direct(1, DirectCore.Message(.text, Array("the end".utf8))))
      try await machine.wait("all of it to be taken") { victim.told[stranger.id]?.count == 1 }
      #expect(await victim.mesh.members.count == 3)
      #expect(residentBytes() - before < 64 << 20)
      await stranger.peer.close()
    }
  }

  private func residentBytes() -> Int {
    let words = (Folder.text(of: "/proc/self/statm") ?? "").split(separator: " ")
    return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * Int(sysconf(CInt(_SC_PAGESIZE)))
  }
}

extension Mesh {
  /// In which of its lives it is.
  fileprivate var epoch: UInt64 { core.epoch }
}
