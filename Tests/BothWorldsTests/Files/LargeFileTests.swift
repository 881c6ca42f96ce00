import Glibc
import TestSupport
import Testing

@testable import Warren

@Suite("A large file over loopback")
struct LargeFileTests {
  /// More than all that is held on the way, many times. What memory it takes, `Benchmarks files` tells.
  private static let size = 200_000_000

  @Test("arrives as it was, also where the connection breaks on the way")
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
      let transfer = try await scene.send("large")
      for await progress in transfer.progress where progress.bytes > transfer.totalBytes / 4 {
        await scene.connections.last?.close()
        break
      }
      try await transfer.finished()
      let same = system("cmp -s '\(scene.source.path("large"))' '\(scene.target.path("large"))'")
      #expect(same == 0)
    }
  }
}
