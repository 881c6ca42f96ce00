import CBareQUIC
import Glibc
import Warren

/// A mesh in one program over loopback: what it delivers, beside the same bytes over bare streams of ours, and what a
/// neighbour costs who says nothing.
enum MeshBenchmark {
  /// What was delivered.
  private struct Rate {
    var perSecond, perCPU: Double
  }

  static func run() async throws {
    print(
      "mesh, all nodes on one loop over loopback: messages delivered a second and a CPU-second; the limit are bare streams"
    )
    for (nodes, size, count) in [
      (2, 100, 20_000), (10, 100, 400), (50, 100, 12), (2, 65_536, 1_000), (10, 65_536, 25), (50, 65_536, 2),
    ] {
      let mesh = try await broadcasts(nodes: nodes, size: size, count: count)
      let bare = try await streams(ends: nodes, size: size, count: count)
      print(
        "  \(nodes) nodes, \(size) bytes: \(rounded(mesh.perSecond)) a second, \(rounded(mesh.perCPU)) a CPU-second; "
          + "bare \(rounded(bare.perSecond)), \(rounded(bare.perCPU)): \(rounded(mesh.perCPU * 100 / bare.perCPU)) %"
      )
    }
    let (bare, mesh) = (try await idle(isMesh: false), try await idle(isMesh: true))
    print(
      "  an end of an idle connection: \(rounded(mesh.heap / 1024)) KiB, \(rounded(mesh.cpu * 1e6)) us of CPU a second; "
    )
    print("    bare \(rounded(bare.heap / 1024)) KiB, \(rounded(bare.cpu * 1e6)) us\n")
  }

  /// Each says so many to all.
  private static func broadcasts(nodes: Int, size: Int, count: Int) async throws -> Rate {
    let machine = LocalMachine(name: "mesh")
    let all = try await machine.run { try await meshes(nodes, on: machine) }
    let expected = nodes > 2 ? nodes * (nodes - 1) * count : count
    let listening = all.map { mesh in
      machine.spawn("listening") { () -> Int in
        var heard = 0
        for await event in mesh.events {
          guard case .message = event else { continue }
          heard += 1
          if heard == (nodes > 2 ? (nodes - 1) * count : count) { break }
        }
        return heard
      }
    }
    let (start, cpu) = (now(), processSeconds())
    let heard = try await machine.run {
      let message = [UInt8](repeating: 7, count: size)
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Of two, one speaks and the other listens.
        for mesh in nodes > 2 ? all : [all[0]] {
          group.addTask { for _ in 0..<count { try await mesh.broadcast(bytes: message) } }
        }
        try await group.waitForAll()
      }
      var heard = 0
      for listener in nodes > 2 ? listening : [listening[1]] { heard += try await listener.value }
      return heard
    }
    let (elapsed, used) = (now() - start, processSeconds() - cpu)
    precondition(heard == expected, "messages are missing")
    for mesh in all { await mesh.leave() }
    await machine.close()
    return Rate(perSecond: Double(heard) / elapsed, perCPU: Double(heard) / used)
  }

  /// The same bytes between as many ends, each pair over a stream of its own each way, nothing being said of messages.
  private static func streams(ends: Int, size: Int, count: Int) async throws -> Rate {
    let machine = LocalMachine(name: "bare")
    let peers = try await machine.run { try await bare(ends, on: machine) }
    let connections = try await machine.run { try await meet(peers) }
    let perStream = size * count
    let (start, cpu) = (now(), processSeconds())
    let received = try await machine.run {
      try await withThrowingTaskGroup(of: Int.self) { group in
        let message = [UInt8](repeating: 7, count: size)
        for pair in connections {
          for (from, to) in ends > 2 ? [(pair.0, pair.1), (pair.1, pair.0)] : [(pair.0, pair.1)] {
            group.addTask {
              let stream = try await from.openStream(isBidirectional: false)
              for _ in 0..<count { try await stream.write(message) }
              try await stream.finish()
              return 0
            }
            group.addTask {
              var bytes = 0
              for await stream in to.incomingStreams {
                for try await chunk in stream { bytes += chunk.count }
                break
              }
              return bytes
            }
          }
        }
        return try await group.reduce(0, +)
      }
    }
    let (elapsed, used) = (now() - start, processSeconds() - cpu)
    precondition(received == perStream * connections.count * (ends > 2 ? 2 : 1), "bytes are missing")
    for peer in peers { await peer.close() }
    await machine.close()
    return Rate(perSecond: Double(received / size) / elapsed, perCPU: Double(received / size) / used)
  }

  /// Bytes of the heap and seconds of the processor a second for each end of a connection over which nothing is said.
  private static func idle(isMesh: Bool) async throws -> (heap: Double, cpu: Double) {
    let (few, many) = (2, 20)
    let machine = LocalMachine(name: "idle")
    // What all share is there before the counting begins.
    var held: [any Sendable] = []
    held.append(try await machine.run { try await begin(few, isMesh, on: machine) })
    try await machine.sleep(for: .seconds(1))
    let before = bare_quic_heap()
    held.append(try await machine.run { try await begin(many, isMesh, on: machine) })
    // Until nobody is news any more, and handshakes are forgotten.
    try await machine.sleep(for: .seconds(6))
    let bytes = Double(Int(bare_quic_heap()) - Int(before))
    let cpu = processSeconds()
    try await machine.sleep(for: .seconds(5))
    let used = (processSeconds() - cpu) / 5
    let ends = Double(many * (many - 1))
    for one in held {
      if let meshes = one as? [Mesh] { for mesh in meshes { await mesh.leave() } }
      if let (peers, _) = one as? Bare { for peer in peers { await peer.close() } }
    }
    await machine.close()
    return (bytes / ends, used / ends)
  }

  private typealias Bare = ([Peer], [(Connection, Connection)])

  private static func begin(_ count: Int, _ isMesh: Bool, on machine: LocalMachine) async throws
    -> any Sendable
  {
    if isMesh { return try await meshes(count, on: machine) }
    let peers = try await bare(count, on: machine)
    return (peers, try await meet(peers))
  }

  private static var configuration: Peer.Configuration {
    var configuration = Peer.Configuration()
    configuration.families = [.v4]
    configuration.usesLoopback = true
    configuration.policy = .everyone
    return configuration
  }

  private static func meshes(_ count: Int, on machine: LocalMachine) async throws -> [Mesh] {
    var all: [Mesh] = []
    var first: SocketAddress?
    for number in 0..<count {
      var configuration = Mesh.Configuration(mesh: "benchmark", name: "node \(number)")
      configuration.peer = self.configuration
      // As many connections as there are pairs, so that both sides of the comparison do the same.
      configuration.fullMesh = max(2, count)
      configuration.bootstraps = first.map { [.address($0)] } ?? []
      let mesh = try Mesh(configuration, on: machine)
      try await mesh.start()
      for await event in mesh.events {
        if case .started(let addresses) = event { first = first ?? addresses.first { $0.ip.isLoopback } }
        break
      }
      all.append(mesh)
    }
    while true {
      var isThere = true
      for mesh in all where await mesh.neighbours.count < count - 1 { isThere = false }
      if isThere { break }
      try await machine.sleep(for: .milliseconds(10))
    }
    // What is news of all is over.
    try await machine.sleep(for: .seconds(1))
    return all
  }

  private static func bare(_ count: Int, on machine: LocalMachine) async throws -> [Peer] {
    var peers: [Peer] = []
    var random = machine.random
    let port = UInt16.random(in: 20_000..<31_000, using: &random)
    for number in 0..<count {
      var configuration = configuration
      configuration.port = port + UInt16(number)
      let peer = try Peer(configuration, on: machine)
      try await peer.start()
      peers.append(peer)
    }
    return peers
  }

  /// A connection of each with each: both ends.
  private static func meet(_ peers: [Peer]) async throws -> [(Connection, Connection)] {
    var pairs: [(Connection, Connection)] = []
    for (place, peer) in peers.enumerated() {
      for other in peers[(place + 1)...] {
        let address = SocketAddress(.loopback(.v4), port: other.configuration.port)
        let connection = try await peer.connect(to: other.id, at: [address])
        for await end in other.connections {
          pairs.append((connection, end))
          break
        }
      }
    }
    return pairs
  }

  private static func rounded(_ value: Double) -> String {
    value >= 100 ? "\(Int(value))" : "\((value * 10).rounded() / 10)"
  }

  /// User's and system's seconds of this process.
  private static func processSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }
}
