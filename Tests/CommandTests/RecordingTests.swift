import Glibc
import TestSupport
import Testing
import WarrenMachine

/// Why tshark cannot be asked; nil where it can.
private let obstacle: String? =
  system("command -v tshark >/dev/null 2>&1") == 0 ? nil : "tshark is not there: Scripts/interop.sh"

@Suite("warren simulate --pcapng and --qlog", .needsWarren)
struct RecordingTests {
  /// Lends `body` a folder in which a scenario has been captured as `run.pcapng`.
  private func captured(
    _ words: [String], _ body: @escaping @Sendable (String) async throws -> Void
  ) async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"]) { machines in
        let all = ["simulate"] + words + ["--pcapng", "\(folder)/run.pcapng"]
        // A debug build plays for five seconds, and beside others for as many times longer as there are.
        let result = try await run(all, nil, machines[0], folder, within: .seconds(60))
        #expect(result.code == 0, "\(result)")
      }
      try await body("\(folder)/run.pcapng")
    }
  }

  /// What tshark prints of a file, with all checksums looked at.
  private func tshark(_ file: String, _ words: String) throws -> [String] {
    let checks = ["ip", "udp", "tcp"].map { "-o \($0).check_checksum:TRUE" }.joined(separator: " ")
    // It is asked for nothing of this person's.
    let command = "HOME=\(file).home tshark -n -r \(file) \(checks) \(words) >\(file).out 2>\(file).err"
    #expect(system(command) == 0, "\(Folder.text(of: "\(file).err") ?? "")")
    return try #require(Folder.text(of: "\(file).out")).split(separator: "\n").map(String.init)
  }

  /// What tshark takes for broken, but for STUN: behind QUIC on the same ports it takes that for QUIC (RFC 9443); and over TCP it takes
  /// sealed bytes in the middle of something for its beginning, now and then.
  private func broken(_ file: String) throws -> [String] {
    try tshark(file, "-Y '_ws.malformed && !tcp' -T fields -e frame.number -e udp.payload").filter {
      !$0.contains("2112a442")
    }
  }

  private static let wrongSums = ["ip", "udp", "tcp", "icmp", "icmpv6"].map { "\($0).checksum.status == 0" }
    .joined(separator: " || ")

  @Test(
    "a capture is whole for tshark: every interface, every checksum, and STUN",
    .needsTshark,
    arguments: ["home-home", "no-udp", "dual-stack-strict"])
  func everywhere(scenario: String) async throws {
    try await captured([scenario, "--seed", "2"]) { file in
      let names = Set(try tshark(file, "-T fields -e frame.interface_name"))
      #expect(
        names.isSuperset(of: ["alice", "bob", "registry", "alice's NAT, inside", "bob's NAT, outside"]))
      #expect(try tshark(file, "-Y '\(Self.wrongSums)'").isEmpty)
      #expect(try tshark(file, "-Y 'udp.checksum.status == 1'").count > 100)
      #expect(try !tshark(file, "-Y 'stun.type == 1'").isEmpty)
      #expect(try !tshark(file, "-Y 'stun.type == 0x101'").isEmpty)
      if scenario != "no-udp" { #expect(try broken(file) == []) }
    }
  }

  @Test(
    "what QUIC carries is read at one machine, by the secrets in the file",
    .needsTshark,
    arguments: ["home-home", "pmtu-1280", "no-udp"])
  func atOneMachine(scenario: String) async throws {
    try await captured([scenario, "--at", "alice"]) { file in
      let names = Set(try tshark(file, "-T fields -e frame.interface_name"))
      #expect(names == ["alice"])
      #expect(try broken(file) == [])
      #expect(try tshark(file, "-Y '\(Self.wrongSums)'").isEmpty)
      if scenario != "no-udp" { #expect(try tshark(file, "-Y quic.stream_data").count > 100) }
    }
  }

  @Test(
    "what QUIC carries is read everywhere where no NAT stands between",
    .needsTshark,
    arguments: ["open-open", "v6-firewalls"])
  func withoutNATs(scenario: String) async throws {
    try await captured([scenario]) { file in
      for name in ["alice", "bob"] {
        let read = try tshark(file, "-Y 'quic.stream_data && frame.interface_name == \"\(name)\"'")
        #expect(read.count > 100)
      }
    }
  }

  @Test("nothing that is there is replaced, and what is not there is not looked at")
  func refusals() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"]) { machines in
        func simulate(_ words: String...) async throws -> (code: CInt, out: String, err: String) {
          try await run(["simulate"] + words, nil, machines[0], folder)
        }
        let (file, logs) = ("\(folder)/run.pcapng", "\(folder)/logs")
        Folder.put("mine", at: file)
        let taken = try await simulate("open-open", "--pcapng", file)
        #expect(taken.code != 0 && taken.err.contains("cannot be written to: File exists"), "\(taken)")
        #expect(Folder.text(of: file) == "mine")

        #expect(try await simulate("open-open", "--qlog", logs).code == 0)
        let names = Folder.names(in: logs)
        #expect(names.contains("alice-client-1.sqlog") && names.contains("registry-server-1.sqlog"))
        let before = try #require(Folder.text(of: "\(logs)/alice-client-1.sqlog"))
        #expect(try await simulate("open-open", "--qlog", logs, "--seed", "9").code != 0)
        #expect(Folder.text(of: "\(logs)/alice-client-1.sqlog") == before)

        let nobody = try await simulate("open-open", "--pcapng", "\(folder)/new", "--at", "carol")
        #expect(nobody.code != 0 && nobody.err.contains("carol") && nobody.err.contains("alice"), "\(nobody)")
        #expect(Folder.text(of: "\(folder)/new") == nil)
        for words in [
          ["--at", "alice", "open-open"], ["--pcapng", file], ["open-open", "--qlog", logs, "--seeds", "3"],
        ] {
          #expect(try await run(["simulate"] + words, nil, machines[0], folder).code == 64, "\(words)")
        }
      }
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Where tshark is, and can read QUIC.
  fileprivate static var needsTshark: Self {
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? ""))
  }
}
