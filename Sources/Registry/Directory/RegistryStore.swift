import WarrenMachine

/// Where a registry keeps who is there. One in memory is ``MemoryStore``; others may be shared by several registries, so that
/// each call is complete in itself: no two of them are needed to be one.
public protocol RegistryStore: AnyObject {
  /// Puts a registration in the place of its owner's last one.
  ///
  /// - Throws: ``RegistryError/Code/nameTaken``, ``RegistryError/Code/full``.
  func put(_ registration: Registration, for terms: RegistryTerms, at now: Instant)
    async throws(RegistryError)

  /// The owner is still there.
  ///
  /// - Throws: ``RegistryError/Code/notRegistered`` where it has been away for too long: it must register again.
  func renew(_ owner: RegistryOwner, for terms: RegistryTerms, at now: Instant) async throws(RegistryError)

  /// The owner goes. Its name stays its own for as long as was said.
  ///
  /// - Returns: what was registered.
  @discardableResult
  func remove(_ owner: RegistryOwner, at now: Instant) async -> Registration?

  /// Who has this name, if it is there.
  func registration(named name: RegistryName, at now: Instant) async -> Registration?

  /// What this owner has registered, if it is there.
  func registration(of owner: RegistryOwner, at now: Instant) async -> Registration?

  /// Who is there and wants to be seen, page by page, in no order.
  func list(_ page: RegistryPage.Start?, limit: Int, at now: Instant) async -> RegistryPage

  /// How many are there; who has gone without a word may be counted for a moment longer.
  func count(at now: Instant) async -> Int
}
