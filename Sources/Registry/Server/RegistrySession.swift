import WarrenCrypto
import WarrenMachine

/// A peer that is connected with the registry.
final class RegistrySession {
  let link: any RegistryLink
  let peer: PeerID
  var reader = MessageReader()
  /// What it has not been told yet.
  var outgoing = MessageWriter()
  var isWriting = false
  /// Ends it where it takes nothing of what is written.
  var writeTimer: MachineTimer?
  /// Whether somebody is about to write.
  var isFlushDue = false
  var isOver = false
  /// Where it was last seen.
  var observed: SocketAddress
  /// Where STUN has seen it, as it can prove.
  var attested: [SocketAddress] = []
  /// The same, by way of relays.
  var relayed: [SocketAddress] = []
  /// Whether others are told only of addresses that it names itself; nil as long as it has not said who it is.
  var hides: Bool?
  var name: RegistryName?
  /// When it is to be given new leave to be relayed, if it has any, and until what time of day that is good.
  var grantDue: (at: Instant, until: Duration)?
  var messages: TokenBucket
  var introductions: TokenBucket
  /// Secrets with which it waits, and the numbers of these requests.
  var waiting: [(ticket: PairingDesk.Ticket, request: UInt32)] = []

  init(
    _ link: any RegistryLink, seenAt observed: SocketAddress, messages: TokenBucket,
    introductions: TokenBucket
  ) {
    self.link = link
    peer = link.peer
    self.observed = observed
    self.messages = messages
    self.introductions = introductions
  }

  func say(_ message: RegistryMessage, as request: UInt32 = 0) { message.write(as: request, into: &outgoing) }
}
