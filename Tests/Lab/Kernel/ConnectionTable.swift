import Glibc
import WarrenMachine

/// The kernel's table of connections in one namespace, by netlink.
final class ConnectionTable {
  private let descriptor: CInt

  /// Of the namespace that the calling thread is in.
  init() throws {
    descriptor = socket(AF_NETLINK, CInt(SOCK_RAW.rawValue) | O_CLOEXEC, CInt(12))  // NETLINK_NETFILTER
    try check(descriptor, "netlink")
  }

  deinit { close(descriptor) }

  /// Forgets all connections. When this returns, they are gone.
  func clear() throws {
    // A header of 16 bytes, then that of netfilter's messages: IPv4, and no tuple, which means all.
    var message: [UInt8] = []
    func append<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number) { message.append(contentsOf: $0) }
    }
    append(UInt32(20))
    append(UInt16(1 << 8 | 2))  // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
    append(UInt16(1 | 4))  // NLM_F_REQUEST, NLM_F_ACK
    append(UInt32(1))
    append(UInt32(0))
    append(UInt8(AF_INET))
    append(UInt8(0))
    append(UInt16(0))
    try check(CInt(send(descriptor, message, message.count, 0)), "asking netlink")
    var answer = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &answer, answer.count, 0)
    try check(CInt(count), "netlink's answer")
    let code = answer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int32.self) }
    guard count >= 20, code == 0 else {
      throw KernelFailure(description: "netlink refuses: \(String(cString: strerror(-code)))")
    }
  }
}
