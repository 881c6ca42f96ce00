import Glibc
import Testing

/// Programs that end when this does, or when this process does, however it has ended: killed too.
public final class ProcessGroup: @unchecked Sendable {
  // Nothing of it changes: hence `@unchecked`.
  /// Its number: that of its first process, which waits for the end of a pipe, and then ends all.
  public let id: pid_t
  private let pipeEnd: CInt

  /// One of which nobody is yet.
  public init() throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    // The end for writing is this process's alone: it is closed when that is gone.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let command = ["sh", "-c", "read end; kill -KILL 0"]
    var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, "/bin/sh", &actions, &attributes, &words, nil) == 0)
    close(ends[0])
    (id, pipeEnd) = (pid, ends[1])
  }

  deinit {
    close(pipeEnd)
    waitpid(id, nil, 0)
  }
}
