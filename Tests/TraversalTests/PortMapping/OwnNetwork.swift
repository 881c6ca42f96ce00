import Glibc
import Warren

/// A network namespace with a thread in it: what is made there sends nothing out of this computer.
final class OwnNetwork: @unchecked Sendable {
  // The thread alone writes, and is waited for before anybody reads: hence `@unchecked`.
  private let commands: [String]
  private(set) var machine: LocalMachine?
  /// The first command that failed.
  private(set) var failure: String?

  private init(_ commands: [String]) { self.commands = commands }

  /// Makes a namespace, runs commands in it, and puts a machine there.
  static func make(_ commands: String...) -> OwnNetwork {
    let network = OwnNetwork(commands)
    var thread = pthread_t()
    let own = Unmanaged.passRetained(network)
    guard pthread_create(&thread, nil, enterOwnNetwork, own.toOpaque()) == 0 else {
      own.release()
      network.failure = "pthread_create"
      return network
    }
    pthread_join(thread, nil)
    return network
  }

  /// By what commands outside find the namespace: the number of the thread that its machine runs on.
  func threadNumber() async throws -> Substring {
    guard let machine else { return "0" }
    return try await machine.run {
      // Reads as `12/task/34`.
      var link = [UInt8](repeating: 0, count: 64)
      let length = link.withUnsafeMutableBytes { readlink("/proc/thread-self", $0.baseAddress!, $0.count) }
      return String(decoding: link.prefix(max(length, 0)), as: UTF8.self).split(separator: "/").last ?? "0"
    }
  }

  /// Why there can be none here; nil where there can.
  static let obstacle: String? = {
    guard system("command -v ip nft >/dev/null 2>&1") == 0 else { return "there are no commands ip and nft" }
    return make().failure.map { "no network namespace can be made (\($0)): this needs root" }
  }()

  fileprivate func enter() {
    // The C library's headers show it to C alone.
    typealias Unshare = @convention(c) (_ namespaces: CInt) -> CInt
    let newNetwork: CInt = 0x4000_0000
    guard let unshare = dlsym(nil, "unshare").map({ unsafeBitCast($0, to: Unshare.self) }),
      unshare(newNetwork) == 0
    else {
      failure = "unshare"
      return
    }
    for command in ["ip link set lo up"] + commands where system(command) != 0 {
      failure = command
      return
    }
    // Its loop's thread is born here, and stays.
    machine = LocalMachine(name: "in its own network")
  }
}

private func enterOwnNetwork(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<OwnNetwork>.fromOpaque(pointer!).takeRetainedValue().enter()
  return nil
}
