import CQUIC
import WarrenMachine

/// By what a server's library knows the paths of a connection.
///
/// ngtcp2 0.12 ends the program where a client goes back to the path that it has left before the one that it has gone to is
/// proven: a NAT that changes its mind is enough. It also does where two paths share an id, as two that begin at one address of
/// ours may, and a third is gone to while it still asks for the first: a NAT that forgets three times. So all paths but the one on which
/// a connection begins have names that no other had, nor they themselves when they were left.
struct PathNames {
  /// The path in use, as the library calls it.
  private var current: cquic_path?
  /// Whether a path may have two names, as the one in use has changed.
  private(set) var hasMoved = false
  /// Paths on which something has come since they were left last, the newest last.
  private var active: [(path: NetworkPath, coded: cquic_path)] = []
  /// What stands behind the last names: the library may use one for as long as it asks whether its path leads anywhere.
  private var given: [(number: UInt64, path: NetworkPath)] = []
  private var count: UInt64 = 0

  /// Whether this is what the library calls the path in use, as far as is known.
  func isCurrent(_ coded: cquic_path) -> Bool { current.map { $0.isSame(as: coded) } ?? false }

  /// The library uses this one now.
  ///
  /// - Parameter path: which it is.
  /// - Returns: whether some path is called otherwise than before.
  mutating func moved(to coded: cquic_path, _ path: NetworkPath) -> Bool {
    defer { current = coded }
    guard let left = current, !left.isSame(as: coded) else { return false }
    active.removeAll { $0.coded.isSame(as: left) }
    hasMoved = true
    return true
  }

  /// What the library is told where something has come over this path.
  mutating func coded(_ path: NetworkPath) -> cquic_path {
    if let known = active.last(where: { $0.path == path }) { return known.coded }
    if !hasMoved, current.map({ $0.isSame(as: path.coded) }) ?? true { return path.coded }
    count += 1
    let coded = path.coded(asNumber: count)
    if active.count >= QUICLimits.activePaths, let place = active.firstIndex(where: { !isCurrent($0.coded) })
    {
      active.remove(at: place)
    }
    active.append((path, coded))
    if given.count >= QUICLimits.pathNames { given.removeFirst() }
    given.append((count, path))
    return coded
  }

  /// What comes over this path next comes over one that the library does not know.
  mutating func forget(_ coded: cquic_path) {
    active.removeAll { $0.coded.isSame(as: coded) }
    hasMoved = true
  }

  /// Which path the library calls so.
  func decoded(_ coded: cquic_path) -> NetworkPath {
    guard let number = coded.number else { return NetworkPath(coded) }
    // One that was forgotten leaves from where the system chooses.
    return given.last { $0.number == number }?.path ?? NetworkPath(coded)
  }
}
