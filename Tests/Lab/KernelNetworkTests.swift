import Glibc
import TestSupport
import Testing

@Suite("A network of the kernel's for a test", .serialized, .needsNamespaces)
struct KernelNetworkTests {
  /// What others on this computer see of networks.
  private func visible() -> String {
    var names = Folder.names(in: "/run/netns") + ["|"] + Folder.names(in: "/sys/class/net") + ["|"]
    names += (Folder.text(of: "/proc/self/mounts") ?? "").split(separator: "\n").filter {
      $0.contains("nsfs")
    }
    .map(String.init)
    return names.joined(separator: " ")
  }

  /// A program that does nothing but have these open, as a process of ours has.
  private func startProgram(holding namespaces: [NetworkNamespace]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Under other numbers it has them, and whatever else is started meanwhile has not.
    for (index, namespace) in namespaces.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, namespace.descriptor, 500 + CInt(index))
    }
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, "/bin/sleep", &actions, nil, &words, nil) == 0)
    return pid
  }

  @Test("has no name, and is gone with the last who holds it, though that was killed")
  func vanishes() async throws {
    try await awaitThread {
      let before = visible()
      // A cable into each of its namespaces: it goes with what is at its other end.
      let witness = try NetworkNamespace()
      let keeper = try { () -> pid_t in
        let network = try KernelNetwork(rules: Profile.masquerade.rules(.drop))
        try witness.plug(into: network.all.map(\.path))
        #expect(visible() == before)
        return try startProgram(holding: network.all)
      }()
      #expect(try witness.cableCount == 5, "another process holds it")
      #expect(visible() == before)
      kill(keeper, SIGKILL)
      #expect(waitpid(keeper, nil, 0) == keeper)
      // The kernel takes it apart when it has time.
      let end = monotonicTime() + .seconds(10)
      while try witness.cableCount > 0, monotonicTime() < end { usleep(5000) }
      #expect(try witness.cableCount == 0)
      #expect(visible() == before)
    }
  }
}
