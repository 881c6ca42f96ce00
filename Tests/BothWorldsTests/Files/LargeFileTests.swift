import Glibc
import TestSupport
import Testing

@testable import Warren

@Suite("A large file over loopback")
struct LargeFileTests {
  /// More than all that is held on the way, many times.
  private static let size = 300_000_000

  @Test("arrives as it was, and takes no more memory than a small one")
  func large() async throws {
    try await FileScene.run(.local) { scene in
      // Some of it, again and again: to make it takes longer than to send it.
      let piece = FileScene.bytes(1_000_003)
      let file = fopen(scene.source.path("large"), "w")!
      var written = 0
      while written < Self.size {
        written += fwrite(piece, 1, min(piece.count, Self.size - written), file)
      }
      fclose(file)
      let before = Self.residentBytes
      let transfer = try await scene.send("large")
      var most = 0
      for await _ in transfer.progress { most = max(most, Self.residentBytes) }
      try await transfer.finished()
      // Two windows of QUIC's and what the allocator keeps; other tests run in this process, too.
      #expect(most - before < 150_000_000, "\(most - before) bytes more")
      let same = system("cmp -s '\(scene.source.path("large"))' '\(scene.target.path("large"))'")
      #expect(same == 0)
    }
  }

  private static var residentBytes: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var (all, resident) = (0, 0)
    _ = withUnsafeMutablePointer(to: &all) { all in
      withUnsafeMutablePointer(to: &resident) { resident in
        withVaList([all, resident]) { vfscanf(file, "%ld %ld", $0) }
      }
    }
    return resident * Int(sysconf(CInt(_SC_PAGESIZE)))
  }
}
