import TestSupport
import Testing

@testable import Warren

/// A node of a mesh over loopback, and what has happened to it. Used on its machine's executor alone: hence `@unchecked`.
final class MeshNode: @unchecked Sendable {
  let mesh: Mesh
  /// What each has said to all and to this one alone, in the order in which it came.
  private(set) var heard: [PeerID: [MeshMessage.Content]] = [:]
  private(set) var told: [PeerID: [MeshMessage.Content]] = [:]
  private(set) var events: [MeshEvent] = []
  private var listening: Task<Void, any Error>?

  /// A node that is started, and listens unless it is told not to.
  init(
    _ name: String, on machine: any Machine, listens: Bool = true,
    _ change: (inout Mesh.Configuration) -> Void = { _ in }
  ) async throws {
    var configuration = Mesh.Configuration(mesh: "loopback", name: name)
    configuration.peer.usesLoopback = true
    configuration.peer.families = [.v4]
    change(&configuration)
    mesh = try Mesh(configuration, on: machine)
    if listens { listen() }
    try await mesh.start()
  }

  /// So many, of which each knows the first.
  static func many(
    _ count: Int, on machine: any Machine, _ change: (Int, inout Mesh.Configuration) -> Void = { _, _ in }
  ) async throws -> [MeshNode] {
    var all: [MeshNode] = []
    for number in 0..<count {
      let first = await all.first?.address
      all.append(
        try await MeshNode("node \(number)", on: machine) {
          if let first { $0.bootstraps = [.address(first)] }
          change(number, &$0)
        })
    }
    let nodes = all
    try await machine.wait("all to be neighbours of all") {
      for node in nodes
      where await node.mesh.neighbours.count < min(count, node.mesh.configuration.fullMesh) - 1 {
        return false
      }
      return true
    }
    return nodes
  }

  var id: PeerID { mesh.id }

  /// Where it is.
  var address: SocketAddress {
    get async { await mesh.peer.hostAddresses().first { $0.ip.isLoopback }! }
  }

  func listen() {
    listening = mesh.machine.spawn("what a node hears") {
      for await event in self.mesh.events { self.take(event) }
    }
  }

  private func take(_ event: MeshEvent) {
    guard case .message(let message) = event else { return events.append(event) }
    if message.isDirect {
      told[message.sender, default: []].append(message.content)
    } else {
      heard[message.sender, default: []].append(message.content)
    }
  }

  func texts(of id: PeerID) -> [String] {
    (heard[id] ?? []).compactMap { if case .text(let text) = $0 { text } else { nil } }
  }

  /// As whom it takes somebody.
  func state(of id: PeerID) async -> Member.State? { await mesh.members.first { $0.id == id }?.state }

  /// Why others were turned away by this one, or have turned it away.
  func refusals(byUs: Bool) -> [MeshError.Code] {
    events.compactMap {
      if case .refused(_, let error, let isOurs) = $0, isOurs == byUs { error.code } else { nil }
    }
  }

  /// How many messages it is said to have missed of somebody, and somebody of its own.
  func missed(of id: PeerID) -> UInt64 {
    events.reduce(0) { if case .missed(id, let count) = $1 { $0 + count } else { $0 } }
  }

  func fellBehind(_ id: PeerID) -> UInt64 {
    events.reduce(0) { if case .fellBehind(id, let count) = $1 { $0 + count } else { $0 } }
  }
}
