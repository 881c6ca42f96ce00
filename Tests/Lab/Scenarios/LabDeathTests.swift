import Glibc
import TestSupport
import Testing
import WarrenMachine

@testable import WarrenScenarios
@testable import WarrenSimulator

@Suite("A lab that is killed", .serialized, .needsTunnels, .needsWarren)
struct LabDeathTests {
  /// What is killed is this program, run once more for this test alone.
  @Test("plays until it is", .enabled(if: LabSettings.victimsFolder != nil, "it is only for the next test"))
  func victim() async throws {
    let folder = try #require(LabSettings.victimsFolder)
    let scenario = Scenario("victim", why: "somebody is killed") {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.portRestrictedCone)
    } timeline: {
      Step.connect("alice", to: "bob", talking: .lasting(.seconds(600)))
    }
    _ = try await awaitThread { try LabStage(scenario, in: folder).play() }
  }

  @Test("leaves no program and no network", .enabled(if: LabSettings.victimsFolder == nil))
  func vanishes() async throws {
    try await Folder.with { folder in
      try await awaitThread {
        let victim = try startVictim(in: folder)
        let isPlaying = wait(.seconds(60)) {
          Folder.text(of: folder + "/alice.out")?.contains("word 1") ?? false
        }
        let programs = programs(in: folder).count
        let networks = networks(of: victim)
        // A cable into each of its namespaces: it goes with what is at its other end.
        let witness = try NetworkNamespace()
        try witness.plug(into: networks)
        kill(victim, SIGKILL)
        #expect(waitpid(victim, nil, 0) == victim)
        #expect(isPlaying)
        // A registry, two STUN servers and two peers; four machines and two boxes.
        #expect(programs == 5)
        #expect(networks.count == 6)
        #expect(wait(.seconds(10)) { self.programs(in: folder).isEmpty })
        #expect(wait(.seconds(10)) { (try? witness.cableCount) == 0 })
      }
    }
  }

  private func startVictim(in folder: String) throws -> pid_t {
    let command = [
      "/proc/self/exe", "--filter", "LabDeathTests/victim", "--testing-library", "swift-testing",
    ]
    var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    let variables = [
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "WARREN_LAB_VICTIM=\(folder)", "SWIFT_BACKTRACE=enable=no",
    ]
    var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for variable in environment { free(variable) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for number in [1, 2] as [CInt] {
      posix_spawn_file_actions_addopen(
        &actions, number, folder + "/victim.\(number)", O_WRONLY | O_CREAT, 0o600)
    }
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, command[0], &actions, nil, &words, &environment) == 0)
    return pid
  }

  /// The numbers of all `warren` whose files are in this folder.
  private func programs(in folder: String) -> [String] {
    Folder.names(in: "/proc").filter { Int($0) != nil }.filter {
      let words = Folder.text(of: "/proc/\($0)/cmdline") ?? ""
      return words.contains(folder + "/") && words.contains("warren")
    }
  }

  /// The namespaces that a process has open.
  private func networks(of process: pid_t) -> [String] {
    let folder = "/proc/\(process)/fd"
    return Folder.names(in: folder).map { "\(folder)/\($0)" }.filter { path in
      var target = [CChar](repeating: 0, count: 256)
      let count = readlink(path, &target, target.count - 1)
      return count > 0
        && String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self).hasPrefix(
          "net:[")
    }
  }

  private func wait(_ limit: Duration, _ condition: () -> Bool) -> Bool {
    let end = monotonicTime() + limit
    while !condition() {
      guard monotonicTime() < end else { return false }
      usleep(useconds_t(LabLimits.look / .microseconds(1)))
    }
    return true
  }
}
