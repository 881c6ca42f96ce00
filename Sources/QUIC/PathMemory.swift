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

  /// A path of the library's as ours, by `decode` if it is another than the last.
  mutating func decoded(_ coded: cquic_path, _ decode: (cquic_path) -> NetworkPath) -> NetworkPath {
    if let path, self.coded.isSame(as: coded) { return path }
    let path = decode(coded)
    self.coded = coded
    self.path = path
    return path
  }
}
