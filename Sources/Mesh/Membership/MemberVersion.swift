import WarrenMachine

/// How new something is that a member has said of itself: its life, and how often it has contradicted others in it.
package struct MemberVersion: Hashable, Comparable, Sendable {
  /// When it has begun: whoever comes back is newer than what was said of it before.
  package var epoch: UInt64
  /// How often it has said since then that it is there.
  package var incarnation: UInt32

  package init(epoch: UInt64, incarnation: UInt32 = 0) {
    self.epoch = epoch
    self.incarnation = incarnation
  }

  package static func < (left: MemberVersion, right: MemberVersion) -> Bool {
    (left.epoch, left.incarnation) < (right.epoch, right.incarnation)
  }

  /// What is newer, in the same life.
  var next: MemberVersion { MemberVersion(epoch: epoch, incarnation: incarnation &+ 1) }
}
