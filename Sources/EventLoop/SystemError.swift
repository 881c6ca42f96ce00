import Glibc
import WarrenMachine

// What the system's error numbers mean for sockets.
extension NetworkError {
  /// What error `code` means, when it came up while `action` was done to `address`.
  init(_ code: Int32, doing action: String, _ address: SocketAddress) {
    switch code {
    case EADDRINUSE: self = .addressInUse(address)
    case EADDRNOTAVAIL: self = .addressNotAvailable(address)
    case EACCES, EPERM: self = .permissionDenied(doing: action, address)
    case ECONNREFUSED: self = .connectionRefused(address)
    case ECONNRESET, EPIPE, ECONNABORTED: self = .connectionReset(address)
    case ETIMEDOUT: self = .timedOut(address)
    case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN: self = .unreachable(address)
    case EAFNOSUPPORT, EDESTADDRREQ: self = .unusableDestination(address)
    case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC: self = .outOfResources(doing: "\(action) \(address)")
    case EBADF: self = .closed
    default:
      self = .system(doing: "\(action) \(address)", code: code, reason: String(cString: strerror(code)))
    }
  }
}
