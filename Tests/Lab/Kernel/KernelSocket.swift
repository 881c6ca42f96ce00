import Glibc
import TestSupport
import WarrenMachine

/// A UDP socket for IPv4 that nobody waits at: it is asked.
final class KernelSocket {
  let descriptor: CInt

  init(at address: SocketAddress) throws {
    descriptor = Glibc.socket(
      AF_INET, CInt(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    try check(descriptor, "socket")
    var name = sockaddr_in(address)
    try check(
      withUnsafePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }, "bind to \(address)")
    var on: CInt = 1
    try check(setsockopt(descriptor, CInt(IPPROTO_IP), IP_RECVERR, &on, 4), "IP_RECVERR")
  }

  deinit { close(descriptor) }

  func send(_ number: UInt64, to address: SocketAddress) throws {
    var name = sockaddr_in(address)
    var number = number
    let count = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, &number, 8, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try check(CInt(count), "sendto \(address)")
  }

  /// What has come, if anything has.
  func receive() throws -> (number: UInt64, from: SocketAddress)? {
    var name = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    var number: UInt64 = 0
    let count = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(descriptor, &number, 8, 0, $0, &size) }
    }
    if count < 0, errno == EAGAIN || errno == ECONNREFUSED { return nil }
    try check(CInt(count), "recvfrom")
    let from = SocketAddress(
      IPAddress(v4: UInt32(bigEndian: name.sin_addr.s_addr)), port: UInt16(bigEndian: name.sin_port))
    return (number, from)
  }

  /// The number of a datagram that could not get there, if there is one.
  func receiveFailure() throws -> UInt64? {
    var number: UInt64 = 0
    let count = withUnsafeMutableBytes(of: &number) { bytes in
      var part = iovec(iov_base: bytes.baseAddress, iov_len: 8)
      return withUnsafeMutablePointer(to: &part) { part in
        var message = msghdr()
        message.msg_iov = part
        message.msg_iovlen = 1
        return recvmsg(descriptor, &message, CInt(MSG_ERRQUEUE))
      }
    }
    if count < 0, errno == EAGAIN { return nil }
    try check(CInt(count), "recvmsg")
    return number
  }

  /// Waits until something has come.
  ///
  /// - Returns: whether it has within that time.
  func wait(atMost limit: Duration) -> Bool {
    var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&question, 1, CInt(limit / .milliseconds(1))) == 1
  }
}

/// Throws what the last call to the kernel says where it has failed.
func check(_ result: CInt, _ doing: String) throws {
  guard result < 0 else { return }
  throw KernelFailure(description: "\(doing): \(String(cString: strerror(errno)))")
}

/// The kernel did not do what it was asked.
struct KernelFailure: Error, CustomStringConvertible {
  var description: String
}

extension sockaddr_in {
  init(_ address: SocketAddress) {
    self.init()
    sin_family = sa_family_t(AF_INET)
    sin_port = address.port.bigEndian
    sin_addr.s_addr = address.ip.v4Bits.bigEndian
  }
}
