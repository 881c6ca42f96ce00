import Glibc

/// How many descriptors the process has open.
func openDescriptors() -> Int { entries(of: "/proc/self/fd").count }

/// The names of the process's threads.
func threadNames() -> [String] {
  entries(of: "/proc/self/task").compactMap { thread in
    guard let file = fopen("/proc/self/task/\(thread)/comm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 64)
    guard fgets(&line, 64, file) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Returns when the threads of all loops that were dropped have gone; forever waits for one that stays.
func waitForLoopsToEnd() {
  let names = ["local", "warren", "first", "second", "shared", "short", "brief"]
  while threadNames().contains(where: { name in names.contains { name.hasPrefix($0) } }) { sched_yield() }
}

private func entries(of path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names
}
