import WarrenMachine

/// Who is where: peers register under a name, or their key alone, renew that as long as they live, and find each other.
///
/// ```swift
/// let registry = Registry(on: machine)
/// try await registry.register(Registration(of: .key(alice), named: try RegistryName("Alice"), at: addresses))
/// let bob = try await registry.find(RegistryName("Bob"))
/// ```
///
/// It needs no network: what lets peers reach it from elsewhere calls it.
public actor Registry {
  /// How a registry is to be.
  public struct Configuration: Sendable {
    /// For how long registrations and names count.
    public var terms = RegistryTerms()
    /// Addresses that are the registry's own: nobody else's.
    public var ownAddresses: [IPAddress] = []
    /// Whether peers may be reached at this machine's own loopback addresses, as in tests.
    public var permitsLoopback = false

    /// What fits most.
    public init() {}
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// How it is.
  public nonisolated let configuration: Configuration
  /// What it was asked for, and what came of it.
  public private(set) var counters = RegistryCounters()
  private let store: any RegistryStore

  /// A registry that keeps in `store` who is there; in memory, if nothing else is said.
  public init(
    on machine: any Machine, _ configuration: Configuration = Configuration(),
    store: sending (any RegistryStore)? = nil
  ) {
    self.machine = machine
    self.configuration = configuration
    self.store = store ?? MemoryStore(at: machine.now)
  }

  /// Registers an owner, in place of what it had registered before.
  ///
  /// - Throws: a ``RegistryError`` where the name is another's, or an address cannot be its own.
  public func register(_ registration: Registration) async throws(RegistryError) {
    do throws(RegistryError) {
      try check(registration.addresses)
      try await store.put(registration, for: terms(of: registration.owner), at: machine.now)
      counters.registrations += 1
    } catch {
      counters.refuse(error)
      throw error
    }
  }

  /// The owner is still there.
  public func renew(_ owner: RegistryOwner) async throws(RegistryError) {
    do throws(RegistryError) {
      try await store.renew(owner, for: terms(of: owner), at: machine.now)
      counters.renewals += 1
    } catch {
      counters.refuse(error)
      throw error
    }
  }

  /// The owner goes, and is not found any more.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  public func withdraw(_ owner: RegistryOwner) async -> Bool {
    guard await store.remove(owner, at: machine.now) != nil else { return false }
    counters.withdrawals += 1
    return true
  }

  /// Gives an owner who is there another name; the one before is anybody's at once.
  public func rename(_ owner: RegistryOwner, to name: RegistryName) async throws(RegistryError) {
    guard var registration = await store.registration(of: owner, at: machine.now) else {
      throw RegistryError(.notRegistered, "nobody is registered with this key: register first")
    }
    registration.name = name
    try await store.put(registration, for: terms(of: owner), at: machine.now)
  }

  /// Who has this name, if it is there; nil too for one who is not.
  public func find(_ name: RegistryName) async -> Registration? {
    let found = await store.registration(named: name, at: machine.now)
    counters.count(found)
    return found
  }

  /// What an owner has registered, if it is there.
  public func find(_ owner: RegistryOwner) async -> Registration? {
    let found = await store.registration(of: owner, at: machine.now)
    counters.count(found)
    return found
  }

  /// Who is there and wants to be seen, page by page.
  public func list(
    from start: RegistryPage.Start? = nil, limit: Int = RegistryLimits.page
  ) async -> RegistryPage {
    counters.lists += 1
    return await store.list(start, limit: min(max(1, limit), RegistryLimits.page), at: machine.now)
  }

  /// How many are there, those who do not want to be seen among them.
  public var count: Int { get async { await store.count(at: machine.now) } }

  /// Who has no key may be somebody else tomorrow, when its address is another's: its name is its own only while it is there.
  private func terms(of owner: RegistryOwner) -> RegistryTerms {
    guard case .address = owner else { return configuration.terms }
    return RegistryTerms(lifetime: configuration.terms.lifetime, nameLifetime: .zero)
  }

  /// Others will send to these addresses: so they must be such as a peer can have.
  nonisolated func check(_ addresses: [SocketAddress]) throws(RegistryError) {
    guard addresses.count <= RegistryLimits.addresses else {
      throw RegistryError(
        .badAddress, "at most \(RegistryLimits.addresses) addresses, not \(addresses.count)")
    }
    for address in addresses {
      let ip = address.ip.canonical
      let why: String? =
        if address.port == 0 {
          "it has no port"
        } else if ip.isUnspecified {
          "it is no machine's"
        } else if ip.isMulticast || ip.isBroadcast {
          "it is many machines'"
        } else if ip.isLoopback, !configuration.permitsLoopback {
          "it is each machine's own"
        } else if configuration.ownAddresses.contains(where: { $0.canonical == ip }) {
          "it is the registry's"
        } else {
          nil
        }
      if let why { throw RegistryError(.badAddress, "nobody can be reached at \(address): \(why)") }
    }
  }
}
