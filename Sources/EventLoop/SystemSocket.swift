import CLibuv
import Glibc
import WarrenMachine

// Making sockets and setting their options: the calls of the system as they are, with typed errors.

/// A fresh socket, closed again when something goes wrong before it is handed on.
struct SystemSocket: ~Copyable {
  let descriptor: Int32
  private let address: SocketAddress

  /// The two kinds of sockets.
  enum Kind {
    case datagrams, stream
  }

  /// A socket that never blocks, of the family of `address`.
  init(_ kind: Kind, for address: SocketAddress) throws(NetworkError) {
    self.address = address
    let family = address.ip.family == .v4 ? AF_INET : AF_INET6
    let type = Int32((kind == .datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue)
    descriptor = socket(family, type, 0)
    if descriptor < 0 { throw NetworkError(errno, doing: "making a socket for", address) }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if address.ip.family == .v6 { try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
  }

  deinit { close(descriptor) }

  /// Hands the descriptor to somebody else.
  consuming func release() -> Int32 {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(NetworkError) {
    var value = value
    if setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) != 0 {
      throw NetworkError(errno, doing: "setting option \(option) of the socket for", address)
    }
  }

  func bind(sharing: Bool, interface: String?) throws(NetworkError) {
    if sharing {
      try set(SOL_SOCKET, SO_REUSEADDR, 1)
      try set(SOL_SOCKET, SO_REUSEPORT, 1)
    }
    if let interface { try bind(to: interface) }
    let code = address.withSocketAddress { Glibc.bind(descriptor, $0, $1) }
    if code != 0 { throw NetworkError(errno, doing: "binding", address) }
  }

  private func bind(to interface: String) throws(NetworkError) {
    // An empty name would undo a binding, and one that is too long be cut.
    guard (1..<Int(IF_NAMESIZE)).contains(interface.utf8.count) else { throw .noSuchInterface(interface) }
    let code = interface.withCString {
      setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, $0, socklen_t(interface.utf8.count))
    }
    if code == 0 { return }
    if errno == ENODEV { throw .noSuchInterface(interface) }
    throw NetworkError(errno, doing: "binding to interface \(interface) for", address)
  }

  func setHopLimit(_ limit: UInt8) throws(NetworkError) {
    if address.ip.family == .v4 {
      try set(Int32(IPPROTO_IP), IP_TTL, Int32(limit))
    } else {
      try set(Int32(IPPROTO_IPV6), IPV6_UNICAST_HOPS, Int32(limit))
    }
  }
}

// MARK: Addresses as the system writes them

/// Where a socket is bound.
func localAddress(of descriptor: Int32) -> SocketAddress? {
  SocketAddress { getsockname(descriptor, $0, $1) }
}

extension SocketAddress {
  /// The address that a call of the system fills in.
  init?(_ fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { fill($0, &size) }
    }
    guard code >= 0 else { return nil }
    let address = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0) }
    }
    guard let address else { return nil }
    self = address
  }

  /// The address that `pointer` points to, if it is one of IP.
  init?(_ pointer: UnsafePointer<sockaddr>) {
    switch Int32(pointer.pointee.sa_family) {
    case AF_INET:
      self = UnsafeRawPointer(pointer).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        SocketAddress(
          IPAddress(v4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr)),
          port: UInt16(bigEndian: $0.pointee.sin_port))
      }
    case AF_INET6:
      self = UnsafeRawPointer(pointer).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
        let v6 = pointer.pointee
        let (high, low) = withUnsafeBytes(of: v6.sin6_addr) {
          (
            UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
            UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
          )
        }
        let isLinkLocal = IPAddress(v6: high, low).isLinkLocal
        return SocketAddress(
          IPAddress(v6: high, low, zone: isLinkLocal ? v6.sin6_scope_id : 0),
          port: UInt16(bigEndian: v6.sin6_port))
      }
    default: return nil
    }
  }

  /// Calls `body` with the address as the system writes it.
  func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch ip.family {
    case .v4:
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      v4.sin_addr.s_addr = ip.v4Bits.bigEndian
      return withUnsafePointer(to: &v4) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    case .v6:
      var v6 = sockaddr_in6()
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      v6.sin6_scope_id = ip.zone
      withUnsafeMutableBytes(of: &v6.sin6_addr) {
        $0.storeBytes(of: ip.high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return withUnsafePointer(to: &v6) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    }
  }
}
