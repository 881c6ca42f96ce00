import CQUIC
import WarrenMachine

/// Between which two places datagrams go, and through what.
public struct NetworkPath: Hashable, Sendable {
  /// Which of the endpoint's sockets or tunnels it goes through.
  public var channel: UInt16
  /// Which of this machine's addresses it leaves from; nil where the system chooses.
  public var local: IPAddress?
  /// Where the other side is.
  public var remote: SocketAddress

  /// A path.
  public init(to remote: SocketAddress, from local: IPAddress? = nil, through channel: UInt16 = 0) {
    self.channel = channel
    self.local = local
    self.remote = remote
  }
}

extension NetworkPath: CustomStringConvertible {
  /// `192.0.2.1 to 198.51.100.1:4433`.
  public var description: String {
    "\(local.map { "\($0) " } ?? "")to \(remote)\(channel == 0 ? "" : " through \(channel)")"
  }
}

extension NetworkPath {
  // ngtcp2 tells paths apart by addresses and ports: the channel stands where this side's port would. It changes to no path that
  // begins where the one before did: where the system chooses this side's address, one that is nobody's (RFC 6666) stands for it,
  // another for each place of the other side.

  var coded: cquic_path {
    cquic_path(
      local: Self.coded(local ?? chosen, port: channel), remote: Self.coded(remote.ip, port: remote.port))
  }

  private var chosen: IPAddress {
    let place = [remote.ip.high, remote.ip.low, UInt64(remote.port)].reduce(0xCBF2_9CE4_8422_2325) {
      ($0 ^ $1) &* 0x100_0000_01B3
    }
    return IPAddress(v6: Self.nobody, place)
  }

  private static let nobody: UInt64 = 0x0100 << 48

  /// The same path by another name, with a number in place of this side's address: see ``PathNames``.
  func coded(asNumber number: UInt64) -> cquic_path {
    cquic_path(
      local: Self.coded(IPAddress(v6: Self.nobody | 1, number), port: channel),
      remote: Self.coded(remote.ip, port: remote.port))
  }

  fileprivate static func number(_ coded: cquic_path) -> UInt64? {
    let ip = ip(coded.local)
    return ip.family == .v6 && ip.high == nobody | 1 ? ip.low : nil
  }

  init(_ coded: cquic_path) {
    let ip = Self.ip(coded.local)
    self.init(
      to: SocketAddress(Self.ip(coded.remote), port: coded.remote.port),
      from: ip.family == .v6 && ip.high | 1 == Self.nobody | 1 ? nil : ip,
      through: coded.local.port)
  }

  private static func coded(_ ip: IPAddress, port: UInt16) -> cquic_address {
    switch ip.family {
    case .v6:
      cquic_address(high: ip.high.bigEndian, low: ip.low.bigEndian, zone: ip.zone, port: port)
    case .v4:
      cquic_address(high: 0, low: (0xFFFF << 32 | UInt64(ip.v4Bits)).bigEndian, zone: 0, port: port)
    }
  }

  private static func ip(_ coded: cquic_address) -> IPAddress {
    IPAddress(v6: UInt64(bigEndian: coded.high), UInt64(bigEndian: coded.low), zone: coded.zone).canonical
  }
}

extension cquic_path {
  /// What stands in place of this side's address, if anything does.
  var number: UInt64? { NetworkPath.number(self) }

  func isSame(as other: cquic_path) -> Bool {
    Self.areEqual(local, other.local) && Self.areEqual(remote, other.remote)
  }

  private static func areEqual(_ one: cquic_address, _ other: cquic_address) -> Bool {
    one.low == other.low && one.high == other.high && one.port == other.port && one.zone == other.zone
  }
}
