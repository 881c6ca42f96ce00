import CQUIC
import WarrenMachine

/// The last path in both writings, ours and the library's.
struct PathMemory {
  private var path: NetworkPath?
  private var coded = cquic_path()

  /// A path as the library writes it, by `encode` if it is another than the last.
  mutating func coded(_ path: NetworkPath, _ encode: (NetworkPath) -> cquic_path) -> cquic_path {
    if self.path == path { return coded }
    coded = encode(path)
    self.path = path
    return coded
  }

  /// A path of the library's as ours.
  mutating func decoded(_ coded: cquic_path) -> NetworkPath {
    if let path, Self.areEqual(self.coded.local, coded.local), Self.areEqual(self.coded.remote, coded.remote)
    {
      return path
    }
    let path = NetworkPath(coded)
    self.coded = coded
    self.path = path
    return path
  }

  private static func areEqual(_ one: cquic_address, _ other: cquic_address) -> Bool {
    one.low == other.low && one.high == other.high && one.port == other.port && one.zone == other.zone
  }
}
