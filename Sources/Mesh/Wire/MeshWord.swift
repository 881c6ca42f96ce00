import WarrenCrypto
import WarrenMachine

/// What neighbours say to each other over their connection, besides messages: none of it gets lost.
package enum MeshWord: Hashable, Sendable {
  /// What is known of the members, as one number.
  case fingerprint(UInt64)
  case summary(isAnswer: Bool, [MembershipCore.Digest])
  /// Rumours, one after the other.
  case rumours([UInt8])
  /// Whether this side needs the connection.
  case needs(Bool)
  /// What of whose broadcasts is there.
  case have([BroadcastCore.Have])
  /// That is wanted from here on, and whatever follows it.
  case graft(BroadcastCore.Source, from: UInt64)
  /// Nothing of this one is wanted any more, for somebody else is quicker.
  case prune(BroadcastCore.Source)
  /// What was wanted is not kept any more: here it begins.
  case gone(BroadcastCore.Source, next: UInt64)
  /// So many messages to this one alone have been taken.
  case taken(UInt64)

  private enum Kind: UInt8 {
    case fingerprint = 1
    case summary, rumours, needs, have, graft, prune, gone, taken
  }

  /// The largest that is taken: a summary of all members.
  package static let mostBytes = max(MeshLimits.summaryEntries * 21 + 3, MeshLimits.rumourBytes + 1)

  package var encoded: [UInt8] {
    var output = WireWriter()
    switch self {
    case .fingerprint(let value):
      output.append(Kind.fingerprint.rawValue)
      output.append(value)
    case .summary(let isAnswer, let digests):
      output.append(Kind.summary.rawValue)
      output.append(UInt8(isAnswer ? 1 : 0))
      for digest in digests.prefix(MeshLimits.summaryEntries) {
        output.append(digest.beginning)
        output.append(digest.version)
        output.append(digest.state.rawValue)
      }
    case .rumours(let bytes):
      output.append(Kind.rumours.rawValue)
      output.append(bytes)
    case .needs(let needs):
      output.append(Kind.needs.rawValue)
      output.append(UInt8(needs ? 1 : 0))
    case .have(let haves):
      output.append(Kind.have.rawValue)
      for have in haves {
        output.append(have.source)
        output.append(have.next)
      }
    case .graft(let source, let from):
      output.append(Kind.graft.rawValue)
      output.append(source)
      output.append(from)
    case .prune(let source):
      output.append(Kind.prune.rawValue)
      output.append(source)
    case .gone(let source, let next):
      output.append(Kind.gone.rawValue)
      output.append(source)
      output.append(next)
    case .taken(let count):
      output.append(Kind.taken.rawValue)
      output.append(count)
    }
    return output.bytes
  }

  /// Nil where it is none.
  package init?(_ bytes: [UInt8]) {
    var input = WireReader(bytes.span.bytes)
    switch Kind(rawValue: input.take(UInt8.self)) {
    case .fingerprint: self = .fingerprint(input.take())
    case .summary:
      let isAnswer = input.take(UInt8.self) == 1
      var digests: [MembershipCore.Digest] = []
      while !input.isAtEnd {
        let beginning = input.take(UInt64.self)
        let version = input.takeVersion()
        guard let state = Member.State(rawValue: input.take(UInt8.self)), !input.isOverrun,
          digests.count < MeshLimits.summaryEntries
        else { return nil }
        digests.append(MembershipCore.Digest(beginning: beginning, version, state))
      }
      self = .summary(isAnswer: isAnswer, digests)
    case .rumours:
      self = .rumours(Array(bytes.dropFirst()))
      return
    case .needs: self = .needs(input.take(UInt8.self) == 1)
    case .have:
      var haves: [BroadcastCore.Have] = []
      while !input.isAtEnd {
        guard let source = input.takeSource(), haves.count < MeshLimits.haveEntries else { return nil }
        haves.append(BroadcastCore.Have(source: source, next: min(input.take(), MeshLimits.lastNumber)))
        if input.isOverrun { return nil }
      }
      self = .have(haves)
    case .graft:
      guard let source = input.takeSource() else { return nil }
      self = .graft(source, from: min(input.take(), MeshLimits.lastNumber))
    case .prune:
      guard let source = input.takeSource() else { return nil }
      self = .prune(source)
    case .gone:
      guard let source = input.takeSource() else { return nil }
      self = .gone(source, next: min(input.take(), MeshLimits.lastNumber))
    case .taken: self = .taken(input.take())
    case nil: return nil
    }
    if !input.isAtEnd { return nil }
  }
}

extension WireWriter {
  mutating func append(_ source: BroadcastCore.Source) {
    append(source.id)
    append(source.epoch)
  }
}

extension WireReader {
  mutating func takeSource() -> BroadcastCore.Source? {
    takeID().map { BroadcastCore.Source(id: $0, epoch: take()) }
  }
}
