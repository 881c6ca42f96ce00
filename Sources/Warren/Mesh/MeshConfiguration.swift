import WarrenCrypto
import WarrenMachine
import WarrenMesh

extension Mesh {
  /// How a node of a mesh is to be.
  public struct Configuration: Sendable {
    /// What the mesh is called: those of another are refused.
    public var mesh: String
    /// What this node calls itself.
    public var name: String
    /// How it reaches others: its key, the registry, relays, ports. Who may connect is for ``admission`` to say.
    public var peer = Peer.Configuration()
    /// Who may take part.
    public var admission = Admission.open
    /// Whom it knows at the beginning; all are tried at once, and again while nobody is there.
    public var bootstraps: [Bootstrap] = []
    /// Up to how many members each is connected with all.
    public var fullMesh = MeshLimits.fullMesh
    /// How large a message may be that is sent or taken.
    public var messageBytes = MeshLimits.messageBytes
    /// How much is kept for those who have missed it.
    public var keptBytes = MeshLimits.keptBytes
    /// Where files go that members send; nil where none are taken. What they are asked about is in ``FileExchange/offers`` of
    /// ``Mesh/files``.
    public var folder: String?
    /// How files are taken.
    public var files = FileExchange.Configuration()
    /// How many bytes of messages wait until somebody reads ``Mesh/events``.
    public var waitingBytes = 4 << 20

    /// A node of this mesh.
    public init(mesh: String, name: String) {
      self.mesh = mesh
      self.name = name
    }
  }

  /// Who may take part.
  public enum Admission: Sendable {
    /// Whoever knows the name.
    case open
    /// Those who have these keys.
    case only([PeerID])
    /// Those who know this secret.
    case secret(String)
  }

  /// Where to find one of the mesh.
  public enum Bootstrap: Hashable, Sendable {
    /// Whoever has this key: at the registry, or here.
    case peer(PeerID, at: [SocketAddress] = [])
    /// Whoever is there.
    case address(SocketAddress)
    /// Those of this mesh that the registry lists.
    case registry
  }
}

extension Mesh.Configuration {
  func check() throws(MeshError) {
    for (what, text) in [("a mesh's name", mesh), ("a node's name", name)] {
      guard !text.isEmpty, text.utf8.count <= MeshLimits.nameBytes,
        !text.unicodeScalars.contains(where: \.couldDisturb)
      else {
        throw MeshError(
          .badConfiguration,
          "\(what) has 1 to \(MeshLimits.nameBytes) bytes, all of which can be seen: \(quoted(text)) has not")
      }
    }
    guard fullMesh >= 2, messageBytes > 0, messageBytes <= Int(UInt32.max) else {
      throw MeshError(.badConfiguration, "a full mesh has 2 members and more, and a message at most 4 GiB")
    }
  }
}
