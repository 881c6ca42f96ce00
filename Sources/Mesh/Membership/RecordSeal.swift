import WarrenCrypto
import WarrenMachine

/// Signs what a member says of itself and broadcasts, and tells whether others have.
package struct RecordSeal: Sendable {
  /// What the mesh is called: what is said in one is not believed in another.
  let mesh: [UInt8]
  private let sign: @Sendable ([UInt8]) -> [UInt8]
  private let check: @Sendable (PeerID, [UInt8], [UInt8]) -> Bool

  package init(
    mesh: String, sign: @escaping @Sendable ([UInt8]) -> [UInt8],
    check: @escaping @Sendable (PeerID, _ statement: [UInt8], _ signature: [UInt8]) -> Bool
  ) {
    self.mesh = Array(mesh.utf8)
    self.sign = sign
    self.check = check
  }

  /// With a member's own key.
  package init(mesh: String, _ key: PrivateKey) {
    self.init(mesh: mesh) {
      key.sign($0.span.bytes)
    } check: {
      $0.isSigned($1.span.bytes, $2.span.bytes)
    }
  }

  /// What a signature is for: two of different purposes never look alike.
  enum Purpose: UInt8 {
    case member = 1
    case message
  }

  func sign(_ statement: [UInt8], _ purpose: Purpose) -> [UInt8] { sign(whole(statement, purpose)) }

  func isSigned(_ statement: [UInt8], _ purpose: Purpose, by id: PeerID, _ signature: [UInt8]) -> Bool {
    check(id, whole(statement, purpose), signature)
  }

  func sign(_ record: inout MemberRecord) { record.signature = sign(record.statement, .member) }

  func isRight(_ record: MemberRecord) -> Bool {
    isSigned(record.statement, .member, by: record.id, record.signature)
  }

  private func whole(_ statement: [UInt8], _ purpose: Purpose) -> [UInt8] {
    Array("warren-mesh".utf8) + [purpose.rawValue, UInt8(mesh.count)] + mesh + statement
  }
}
