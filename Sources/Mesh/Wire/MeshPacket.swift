import WarrenCrypto
import WarrenMachine

/// What a packet begins with; rumours follow.
enum MeshPacket: Hashable {
  /// Rumours alone.
  case news
  /// Are you there?
  case ping(UInt32)
  /// Yes: or somebody is, about whom was asked under this number.
  case pong(UInt32)
  /// Is this one there?
  case pingFor(UInt32, PeerID)

  private enum Kind: UInt8 {
    case news = 1
    case ping, pong, pingFor
  }

  var encoded: [UInt8] {
    var output = WireWriter()
    switch self {
    case .news: output.append(Kind.news.rawValue)
    case .ping(let number):
      output.append(Kind.ping.rawValue)
      output.append(number)
    case .pong(let number):
      output.append(Kind.pong.rawValue)
      output.append(number)
    case .pingFor(let number, let id):
      output.append(Kind.pingFor.rawValue)
      output.append(number)
      output.append(id)
    }
    return output.bytes
  }

  init?(_ input: inout WireReader) {
    switch Kind(rawValue: input.take(UInt8.self)) {
    case .news: self = .news
    case .ping: self = .ping(input.take(UInt32.self))
    case .pong: self = .pong(input.take(UInt32.self))
    case .pingFor:
      let number = input.take(UInt32.self)
      guard let id = input.takeID() else { return nil }
      self = .pingFor(number, id)
    case nil: return nil
    }
    if input.isOverrun { return nil }
  }
}
