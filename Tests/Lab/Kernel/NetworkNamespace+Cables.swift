import TestSupport

// Whether others are there is seen by cables into them: a cable goes with what is at its other end.
extension NetworkNamespace {
  /// Lays a cable into each of these.
  func plug(into paths: [String]) throws {
    for (index, path) in paths.enumerated() {
      try run("ip link add w\(index) type veth peer name witness netns \(path)")
    }
  }

  /// How many cables there still are.
  var cableCount: Int {
    get throws {
      let devices = try enter { Folder.text(of: "/proc/thread-self/net/dev") ?? "" }
      return devices.split(separator: "\n").count { $0.contains("w") && $0.contains(":") }
    }
  }
}
