import WarrenCrypto
import WarrenMachine

/// What a member says of itself, with its signature: others pass it on, and cannot change it.
package struct MemberRecord: Hashable, Sendable {
  package let id: PeerID
  package var version: MemberVersion
  package var name: String
  package var addresses: [SocketAddress]
  /// Whether it says that it goes.
  package var hasLeft: Bool
  package var signature: [UInt8] = []

  package init(
    _ id: PeerID, _ version: MemberVersion, name: String, addresses: [SocketAddress] = [],
    hasLeft: Bool = false
  ) {
    self.id = id
    self.version = version
    self.name = name
    self.addresses = addresses
    self.hasLeft = hasLeft
  }

  /// What is signed.
  package var statement: [UInt8] {
    var output = WireWriter()
    write(to: &output)
    return output.bytes
  }

  private func write(to output: inout WireWriter) {
    output.append(id)
    output.append(version)
    output.append(UInt8(hasLeft ? 1 : 0))
    output.append(UInt8(name.utf8.count))
    output.append(name.utf8)
    output.append(UInt8(addresses.count))
    for address in addresses { output.append(address) }
  }

  package var encoded: [UInt8] {
    var output = WireWriter()
    write(to: &output)
    output.append(signature)
    return output.bytes
  }

  /// Nil where it is none.
  package init?(_ input: inout WireReader) {
    guard let id = input.takeID() else { return nil }
    self.id = id
    version = input.takeVersion()
    let flags = input.take(UInt8.self)
    let nameBytes = Int(input.take(UInt8.self))
    guard nameBytes <= MeshLimits.nameBytes,
      let name = String(validating: input.take(count: nameBytes), as: UTF8.self),
      !name.unicodeScalars.contains(where: \.couldDisturb)
    else { return nil }
    self.name = name
    hasLeft = flags & 1 == 1
    addresses = []
    let count = Int(input.take(UInt8.self))
    guard count <= MeshLimits.addresses else { return nil }
    for _ in 0..<count {
      guard let address = input.takeAddress() else { return nil }
      addresses.append(address)
    }
    signature = input.take(count: PeerID.signatureByteCount)
    // Other flags would be lost when it is passed on, and the signature be wrong.
    if input.isOverrun || flags > 1 { return nil }
  }
}
