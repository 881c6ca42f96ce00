import Glibc
import TestSupport
import Warren

/// A network namespace with a machine in it: what is made there sends nothing out of this computer.
final class OwnNetwork: Sendable {
  let machine: LocalMachine?
  /// The first command that failed.
  let failure: String?

  private init(_ machine: LocalMachine?, failure: String?) {
    (self.machine, self.failure) = (machine, failure)
  }

  /// Makes a namespace, runs commands in it, and puts a machine there.
  static func make(_ commands: String...) -> OwnNetwork {
    do {
      let namespace = try NetworkNamespace()
      for command in commands { try namespace.run(command) }
      // Its loop's thread is born here, and stays: it keeps the namespace.
      return OwnNetwork(try namespace.enter { LocalMachine(name: "in its own network") }, failure: nil)
    } catch {
      return OwnNetwork(nil, failure: "\(error)")
    }
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
  static var obstacle: String? { NetworkNamespace.obstacle }
}
