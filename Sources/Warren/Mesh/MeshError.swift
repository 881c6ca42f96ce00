import WarrenCrypto
import WarrenMachine

/// Why something does not work in a mesh.
public struct MeshError: Error, Hashable, Sendable {
  /// What went wrong. The numbers are said to the other side, as the code that ends a connection.
  public enum Code: UInt64, Hashable, Sendable {
    /// The other side speaks another version.
    case version = 0x77_20
    /// It is one of another mesh.
    case otherMesh = 0x77_21
    /// It does not have the secret.
    case wrongSecret = 0x77_22
    /// It is not on the list.
    case notAllowed = 0x77_23
    /// It has neighbours enough; others have not.
    case full = 0x77_24
    /// It has said what cannot be.
    case nonsense = 0x77_25
    /// It takes nothing, for too long.
    case tooSlow = 0x77_26
    /// It has said nothing of itself in time.
    case silent = 0x77_27
    /// It goes, or this one does.
    case left = 0x77_28
    /// The two need no connection.
    case surplus = 0x77_29
    /// It is taken for dead.
    case dead = 0x77_2A
    /// Somebody else has the same key.
    case duplicate = 0x77_2B
    /// The message is larger than is permitted.
    case tooLarge = 0x77_2C
    /// Nobody of this key is in the mesh.
    case notFound = 0x77_2D
    /// The mesh was left, or not joined.
    case closed = 0x77_2E
    /// What was configured cannot be.
    case badConfiguration = 0x77_2F
  }

  /// What went wrong.
  public var code: Code
  /// What a person is told.
  public var reason: String

  /// An error.
  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  init(_ error: QUICError) {
    switch error.code {
    case .application(ConnectionEnd.denied.rawValue): self.init(.notAllowed, "\(error)")
    // The two have another connection; or the other side has ended.
    case .application(ConnectionEnd.duplicate.rawValue): self.init(.surplus, "\(error)")
    case .application(ConnectionEnd.closed.rawValue): self.init(.left, "\(error)")
    case .application(let number): self.init(Code(rawValue: number) ?? .nonsense, "\(error)")
    default: self.init(.silent, "\(error)")
    }
  }

  static let notOnTheList = MeshError(.notAllowed, "it is not among those who may take part")
}

extension MeshError: CustomStringConvertible {
  public var description: String { reason }
}
