import WarrenCrypto
import WarrenMachine
import WarrenMesh

/// What both say first over a connection.
enum MeshHello {
  static let version: UInt8 = 1

  /// Who one is, of which mesh, and what one has taken of the other's.
  case hello(mesh: String, proof: [UInt8], DirectCore.Greeting, MemberRecord)
  /// One wants the other.
  case welcome
  /// Why one does not want the other; and who else there is.
  case refused(MeshError, [MemberRecord])

  private enum Kind: UInt8 {
    case hello = 1
    case refused, welcome
  }

  var encoded: [UInt8] {
    var output = WireWriter()
    output.append(Self.version)
    switch self {
    case .hello(let mesh, let proof, let greeting, let record):
      output.append(Kind.hello.rawValue)
      output.append(text: mesh)
      output.append(UInt8(proof.count))
      output.append(proof)
      output.append(greeting.epoch)
      output.append(greeting.taken)
      output.append(record.encoded)
    case .welcome: output.append(Kind.welcome.rawValue)
    case .refused(let error, let records):
      output.append(Kind.refused.rawValue)
      output.append(error.code.rawValue)
      output.append(text: error.reason)
      for record in records { output.append(record.encoded) }
    }
    return output.bytes
  }

  /// - Throws: a ``MeshError`` where it is none.
  init(_ bytes: [UInt8]) throws(MeshError) {
    var input = WireReader(bytes.span.bytes)
    guard input.take(UInt8.self) == Self.version else {
      throw MeshError(.version, "the other side speaks another version of the mesh's protocol")
    }
    let nonsense = MeshError(.nonsense, "what the other side says of itself cannot be read")
    switch Kind(rawValue: input.take(UInt8.self)) {
    case .hello:
      guard let mesh = input.takeText() else { throw nonsense }
      let proof = input.take(count: Int(input.take(UInt8.self)))
      let greeting = DirectCore.Greeting(epoch: input.take(), taken: input.take())
      guard let record = MemberRecord(&input), input.isAtEnd else { throw nonsense }
      self = .hello(mesh: mesh, proof: proof, greeting, record)
    case .refused:
      let code = MeshError.Code(rawValue: input.take()) ?? .nonsense
      guard let reason = input.takeText() else { throw nonsense }
      var records: [MemberRecord] = []
      while !input.isAtEnd, records.count < MeshLimits.introduced {
        guard let record = MemberRecord(&input) else { throw nonsense }
        records.append(record)
      }
      self = .refused(MeshError(code, reason.undisturbing), records)
    case .welcome: self = .welcome
    case nil: throw nonsense
    }
  }
}

extension WireWriter {
  fileprivate mutating func append(text: String) {
    let bytes = Array(text.utf8.prefix(255))
    append(UInt8(bytes.count))
    append(bytes)
  }
}

extension WireReader {
  fileprivate mutating func takeText() -> String? {
    String(validating: take(count: Int(take(UInt8.self))), as: UTF8.self)
  }
}
