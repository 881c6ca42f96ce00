import Glibc
import TestSupport
import Testing
import Warren

@Suite("Files on real disks that do not take them", .needsWarren, .serialized)
struct FullDiskTests {
  /// Why there is no such disk here.
  static let obstacle: String? = {
    let script =
      "d=$(mktemp -d) && mount -t tmpfs -o size=1m none $d 2>/dev/null && umount $d; r=$?; rmdir $d; exit $r"
    return system(script) == 0 ? nil : "only root can mount a small disk"
  }()

  /// Sends a film to a receiver whose folder is a disk of 8 MB, and expects both to be told why it does not arrive.
  private func expect(
    _ text: String, filmMegabytes: Int, after prepare: @escaping @Sendable (String) -> String
  ) async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: filmMegabytes)
      try #require(system("mount -t tmpfs -o size=8m none \(files.into)") == 0)
      defer { #expect(system("umount -l \(files.into)") == 0) }
      let receiver = try WarrenProgram(
        "receiver", in: folder, files.receive + ["--yes", "--once", "--name", "bob", "-r", registry.address])
      try await machine.wait("the receiver") { receiver.out.hasSuffix("\n") }
      try #require(system(prepare(files.into)) == 0)
      let sent = try await run(["send", "--loopback", files.film, "bob"], registry, machine, folder)
      #expect(sent.code == 74 && sent.err.contains(text), "\(sent)")
      let end = try await receiver.end(on: machine)
      #expect(end == (74, 0) && receiver.err.contains(text), "\(end) \(receiver.err)")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("a full disk is told to both", .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func full() async throws {
    try await expect("the disk is full", filmMegabytes: 40) { _ in "true" }
  }

  @Test(
    "a disk that can only be read is told to both",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func readOnly() async throws {
    try await expect("can only be read", filmMegabytes: 4) { "mount -o remount,ro \($0)" }
  }

  @Test(
    "a folder that nothing can be put into is told before anything begins",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func refused() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"]) { machines in
        try #require(system("mkdir \(folder)/in && mount -t tmpfs -o ro none \(folder)/in") == 0)
        defer { #expect(system("umount -l \(folder)/in") == 0) }
        let result = try await run(["receive", "--yes", "--into", folder + "/in"], nil, machines[0], folder)
        #expect(result.code == 74 && result.err.contains("cannot be written to: Read-only"), "\(result)")
      }
    }
  }
}
