import Glibc

/// A network of its own in this kernel, without a name: it is there as long as somebody has it open, and goes with
/// the last one, however that one ended. Its cables go with it.
public final class NetworkNamespace: Sendable {
  /// What holds it here; programs that are started do not have it.
  public let descriptor: CInt

  /// A new one, in which nothing is but its own loopback, which is up.
  public init() throws {
    let made = onThread { () -> CInt in
      let newNetwork: CInt = 0x4000_0000
      typealias Unshare = @convention(c) (_ namespaces: CInt) -> CInt
      guard let unshare = hiddenFunction("unshare", as: Unshare.self), unshare(newNetwork) == 0 else {
        return -1
      }
      return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    }
    guard made >= 0 else {
      throw Failure("no network namespace can be made: this needs root, or `unshare -Ur`")
    }
    descriptor = made
    try run("ip link set lo up")
  }

  deinit { close(descriptor) }

  /// By what commands find it, as long as this process has it open.
  public var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Calls `body` on a thread that is in it. What is made there, sockets and threads, stays there.
  public func enter<Value>(_ body: () throws -> Value) throws -> Value {
    let value = onThread { () -> Result<Value, any Error>? in
      typealias SetNamespace = @convention(c) (_ descriptor: CInt, _ kind: CInt) -> CInt
      guard let setns = hiddenFunction("setns", as: SetNamespace.self), setns(descriptor, 0) == 0 else {
        return nil
      }
      return Result { try body() }
    }
    guard let value else { throw Failure("setns: \(String(cString: strerror(errno)))") }
    return try value.get()
  }

  /// Runs commands of the shell in it.
  public func run(_ commands: String) throws {
    let code = try enter { system("set -e; PATH=$PATH:/usr/sbin:/sbin; " + commands) }
    guard code == 0 else { throw Failure("failed in a network namespace: \(commands)") }
  }

  /// Why there can be none here, with the rules of a firewall; nil where there can.
  public static let obstacle: String? = {
    guard system("PATH=$PATH:/usr/sbin:/sbin; command -v ip >/dev/null && command -v nft >/dev/null") == 0
    else {
      return "there are no commands ip and nft: Scripts/interop.sh"
    }
    do {
      try NetworkNamespace().run("nft add table ip warren")
      return nil
    } catch {
      return "\(error)"
    }
  }()

  /// Why there is none.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }
}

/// A function of the C library's that its headers show to C alone.
public func hiddenFunction<Kind>(_ name: String, as kind: Kind.Type) -> Kind? {
  dlsym(nil, name).map { unsafeBitCast($0, to: kind) }
}
