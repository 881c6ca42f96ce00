import Testing

@testable import Warren
@testable import WarrenMesh

/// Speaks QUIC with a node of a mesh, and says to it whatever a test wants. Used on its machine's executor alone.
final class MeshStranger: @unchecked Sendable {
  let key: PrivateKey
  let peer: Peer
  let connection: Connection
  let victim: PeerID
  /// Its words, when it has said who it is.
  private(set) var words: Connection.Stream?
  private(set) var messages: Connection.Stream?
  /// How the node has greeted it, if it has.
  private(set) var greeting: MeshHello?

  init(to node: MeshNode) async throws {
    let machine = node.mesh.machine
    var random = machine.random
    let key = PrivateKey(using: &random)
    var configuration = Peer.Configuration()
    configuration.key = key
    configuration.policy = .everyone
    configuration.protocols = [Mesh.protocolName]
    configuration.usesLoopback = true
    configuration.families = [.v4]
    self.key = key
    peer = try Peer(configuration, on: machine)
    try await peer.start()
    victim = node.id
    connection = try await peer.connect(to: node.id, at: [await node.address])
  }

  var id: PeerID { peer.id }

  func record(_ change: (inout MemberRecord) -> Void = { _ in }) -> MemberRecord {
    var record = MemberRecord(id, MemberVersion(epoch: 7), name: "stranger")
    change(&record)
    seal.sign(&record)
    return record
  }

  var seal: RecordSeal { RecordSeal(mesh: "loopback", key) }

  /// A message of its own to all, of its first life.
  func message(_ number: UInt64, _ text: String) -> BroadcastMessage {
    signed(BroadcastCore.Source(id: id, epoch: 7), number, text)
  }

  /// A message that it says is somebody's.
  func signed(_ source: BroadcastCore.Source, _ number: UInt64, _ text: String) -> BroadcastMessage {
    let payload = Array(text.utf8)
    let bare = BroadcastMessage(source, number, isDirect: true, topic: "", isText: true, payload: payload)
    return BroadcastMessage(
      source, number, isDirect: true, topic: "", isText: true, payload: payload,
      signature: seal.sign(bare.statement, .message))
  }

  /// Says these bytes where a neighbour says who it is.
  func begin(saying bytes: [UInt8]) async throws {
    let stream = try await connection.openStream()
    try await stream.write([MeshLink.Mark.words.rawValue])
    words = stream
    try await stream.write(bytes)
  }

  /// Who it is, without a proof that it knows a secret.
  var hello: [UInt8] {
    MeshHello.hello(mesh: "loopback", proof: [], DirectCore.Greeting(epoch: 0, taken: 1), record()).encoded
  }

  /// Says who it is, and becomes a neighbour.
  func join() async throws {
    try await begin(saying: MeshLink.frame(hello))
    greeting = try await hear()
    try await say(MeshHello.welcome.encoded)
    guard case .welcome = try await hear() else { throw MeshError(.nonsense, "it is not welcome") }
  }

  private func hear() async throws -> MeshHello {
    try MeshHello(try await MeshLink.read(from: words!, atMost: MeshLimits.helloBytes))
  }

  func say(_ word: [UInt8]) async throws { try await words?.write(MeshLink.frame(word)) }

  /// Writes on the stream of messages.
  func send(_ bytes: [UInt8]) async throws {
    if messages == nil {
      messages = try await connection.openStream(isBidirectional: false)
      try await messages?.write([MeshLink.Mark.messages.rawValue])
    }
    try await messages?.write(bytes)
  }

  func send(_ frame: MeshFrame) async throws { try await send(frame.head + frame.payload) }

  /// Why the node has ended the connection.
  func end() async throws -> MeshError {
    let connection = connection
    let error = try await peer.machine.withDeadline(MeshLimits.greeting + .seconds(5)) {
      try await connection.closed()
    }
    return MeshError(error)
  }
}
