import WarrenCrypto
import WarrenMachine

/// What is passed on about a member.
enum Rumour: Hashable {
  /// What it says of itself.
  case said(MemberRecord)
  /// Somebody has no answer from it.
  case suspected(PeerID, MemberVersion, by: PeerID)
  /// It had time to contradict, and has not.
  case dead(PeerID, MemberVersion)

  private enum Kind: UInt8 {
    case said = 1
    case suspected, dead
  }

  var subject: PeerID {
    switch self {
    case .said(let record): record.id
    case .suspected(let id, _, _), .dead(let id, _): id
    }
  }

  /// Whether somebody's life hangs on it.
  var isUrgent: Bool {
    switch self {
    case .said(let record): record.version.incarnation > 0
    case .suspected, .dead: true
    }
  }

  var encoded: [UInt8] {
    var output = WireWriter()
    switch self {
    case .said(let record):
      output.append(Kind.said.rawValue)
      output.append(record.encoded)
    case .suspected(let id, let version, let accuser):
      output.append(Kind.suspected.rawValue)
      output.append(id)
      output.append(version)
      output.append(accuser)
    case .dead(let id, let version):
      output.append(Kind.dead.rawValue)
      output.append(id)
      output.append(version)
    }
    return output.bytes
  }

  /// Nil where it is none: whoever sends such is not to be believed in the rest either.
  init?(_ input: inout WireReader) {
    switch Kind(rawValue: input.take(UInt8.self)) {
    case .said:
      guard let record = MemberRecord(&input) else { return nil }
      self = .said(record)
    case .suspected:
      guard let id = input.takeID() else { return nil }
      let version = input.takeVersion()
      guard let accuser = input.takeID() else { return nil }
      self = .suspected(id, version, by: accuser)
    case .dead:
      guard let id = input.takeID() else { return nil }
      self = .dead(id, input.takeVersion())
    case nil: return nil
    }
    if input.isOverrun { return nil }
  }
}
