import WarrenCrypto
import WarrenMachine

/// What a peer and a registry say to each other.
///
/// Each has a kind and fields, in any order; kinds and fields that are not known are passed over, so that newer programs can
/// say more. A request has a number, which its answer bears as well.
///
/// Indirect, since a task keeps room for all that it has once held, and each peer at a registry has a task.
public indirect enum RegistryMessage: Hashable, Sendable {
  // MARK: A peer's

  /// I speak this protocol.
  case hello
  /// I am here, under this name; in place of what I said before.
  case register(Announcement)
  /// I am still here.
  case renew
  /// I go.
  case withdraw
  /// I am called something else from now on.
  case rename(RegistryName)
  /// Is somebody there?
  case find(RegistryTarget)
  /// Who is there? From this place of the list on.
  case list(from: RegistryPage.Start?)
  /// I wait for whoever comes with the same secret.
  case wait(key: String)
  /// I want to be connected with somebody.
  case introduce(Introduction.Request)
  /// I want to be connected with who wants that with me.
  case accept(UInt64, addresses: [SocketAddress])
  /// I do not.
  case deny(UInt64, reason: String)
  /// I do not want any more what I asked for with this message's number: to wait, or to be connected.
  case forget

  // MARK: A registry's

  /// This is where I see you, and for how long a registration lasts.
  case welcome(observed: SocketAddress, lifetime: Duration)
  /// It is done.
  case done
  /// It cannot be done, and why.
  case failed(RegistryError)
  /// Who it is; addresses only for those who may know them.
  case found(Registration)
  /// A part of the list.
  case page(RegistryPage)
  /// Somebody wants to be connected with you.
  case introduced(Introduction)
  /// Whom you wanted to be connected with wants that as well.
  case accepted(Introduction.Answer)
  /// The other side of an introduction was seen here since, and there by way of relays.
  case seen(UInt64, addresses: [SocketAddress], relays: [SocketAddress] = [])
  /// You may be relayed by me.
  case relay(RelayGrant)

  // MARK: Both

  /// What one says to the other side of an introduction, which the registry does not understand.
  case signal(UInt64, [UInt8])
  /// One side of an introduction needs it no more, or is gone.
  case end(UInt64)
}
