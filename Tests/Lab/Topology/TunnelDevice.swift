import Glibc
import TestSupport
import Testing

/// A network device of a namespace whose cable ends in this process: what the kernel sends over it is read here, and what is written
/// here arrives there (a `tun` device: IP packets alone). It goes with whoever has it open.
final class TunnelDevice: Sendable {
  let descriptor: CInt

  /// A new one, which is not up yet.
  init(_ name: String, in namespace: NetworkNamespace) throws {
    descriptor = try namespace.enter {
      let made = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
      try check(made, "opening /dev/net/tun")
      // `struct ifreq`: sixteen bytes of name, and what kind it is to be.
      var request = [UInt8](repeating: 0, count: 40)
      request.replaceSubrange(0..<name.utf8.count, with: Array(name.utf8))
      let kind: UInt16 = 0x0001 | 0x1000  // IFF_TUN, IFF_NO_PI
      request[16] = UInt8(truncatingIfNeeded: kind)
      request[17] = UInt8(truncatingIfNeeded: kind >> 8)
      let setDevice: UInt = 0x4004_54CA  // TUNSETIFF
      do {
        try check(
          request.withUnsafeMutableBytes { ioctl(made, setDevice, $0.baseAddress!) }, "making \(name)")
      } catch {
        close(made)
        throw error
      }
      return made
    }
  }

  deinit { close(descriptor) }

  /// Why there can be none in a namespace; nil where there can.
  static let obstacle: String? = {
    do {
      _ = try TunnelDevice("warren", in: NetworkNamespace())
      return nil
    } catch {
      return "\(error)"
    }
  }()

  /// The next packet that the kernel sends, as far as there is one.
  func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    return count > 0 ? count : nil
  }

  /// Lets a packet arrive; one for which the kernel has no room is lost, as on any cable.
  func send(_ packet: [UInt8]) { _ = write(descriptor, packet, packet.count) }
}

extension Trait where Self == ConditionTrait {
  /// Where namespaces and devices between them can be made.
  static var needsTunnels: Self {
    let obstacle = NetworkNamespace.obstacle ?? TunnelDevice.obstacle
    return .enabled(if: obstacle == nil, Comment(rawValue: "skipped, because \(obstacle ?? "")"))
  }
}
