import WarrenMachine

/// Keeps who is there in this program's memory.
public final class MemoryStore: RegistryStore {
  /// One owner, who is there, or whose name is kept.
  private struct Entry {
    var registration: Registration
    /// From when on it is not there any more.
    var expires: Instant
    /// From when on its name is nobody's.
    var nameExpires: Instant
    var isCounted = false

    func isThere(at now: Instant) -> Bool { now < expires }
  }

  private let capacity: Int
  /// By number. A number is vacant once the wheel has asked for it and nobody was there.
  private var entries: [Entry?] = []
  /// By number, the moment at which the wheel asks for it; what it asks for at another was put off.
  private var moments: [Int] = []
  private var vacant: [Int] = []
  private var numbers: [RegistryOwner: Int] = [:]
  private var names: [RegistryName: Int] = [:]
  private var wheel: ExpiryWheel
  private var present = 0
  private static let never = -1

  /// A store without anybody.
  ///
  /// - Parameter capacity: how many owners it holds at most, those of whom only the name is kept among them.
  public init(capacity: Int = 1_000_000, at now: Instant) {
    self.capacity = capacity
    wheel = ExpiryWheel(step: .seconds(1), at: now)
  }

  public func put(
    _ registration: Registration, for terms: RegistryTerms, at now: Instant
  ) throws(RegistryError) {
    sweep(at: now)
    let known = numbers[registration.owner]
    if let name = registration.name, let holder = names[name], holder != known {
      guard let entry = entries[holder], entry.nameExpires <= now else {
        throw RegistryError(.nameTaken, "the name \(quoted(name.text)) is somebody else's")
      }
      forget(holder, at: now)
    }
    let number = if let known { known } else { try newNumber() }
    if let old = entries[number]?.registration.name, old != registration.name { names[old] = nil }
    let wasCounted = entries[number]?.isCounted ?? false
    if !wasCounted { moments[number] = wheel.add(number, at: now.advanced(by: terms.lifetime)) }
    entries[number] = Entry(registration: registration, expires: now, nameExpires: now, isCounted: wasCounted)
    numbers[registration.owner] = number
    if let name = registration.name { names[name] = number }
    extend(number, for: terms, at: now)
  }

  public func renew(_ owner: RegistryOwner, for terms: RegistryTerms, at now: Instant) throws(RegistryError) {
    sweep(at: now)
    guard let number = numbers[owner], entries[number]!.isThere(at: now) else {
      throw RegistryError(.notRegistered, "nobody is registered with this key any more: register again")
    }
    extend(number, for: terms, at: now)
  }

  private func extend(_ number: Int, for terms: RegistryTerms, at now: Instant) {
    if !entries[number]!.isCounted { present += 1 }
    entries[number]!.isCounted = true
    entries[number]!.expires = now.advanced(by: terms.lifetime)
    entries[number]!.nameExpires = now.advanced(by: terms.lifetime + terms.nameLifetime)
  }

  @discardableResult
  public func remove(_ owner: RegistryOwner, at now: Instant) -> Registration? {
    sweep(at: now)
    guard let number = numbers[owner], let entry = entries[number], entry.isThere(at: now) else { return nil }
    if entry.registration.name == nil { forget(number, at: now) } else { leave(number, at: now) }
    return entry.registration
  }

  public func registration(named name: RegistryName, at now: Instant) -> Registration? {
    sweep(at: now)
    return names[name].flatMap { registration($0, at: now) }
  }

  public func registration(of owner: RegistryOwner, at now: Instant) -> Registration? {
    sweep(at: now)
    return numbers[owner].flatMap { registration($0, at: now) }
  }

  private func registration(_ number: Int, at now: Instant) -> Registration? {
    guard let entry = entries[number], entry.isThere(at: now) else { return nil }
    return entry.registration
  }

  public func list(_ start: RegistryPage.Start?, limit: Int, at now: Instant) -> RegistryPage {
    sweep(at: now)
    var page = RegistryPage(registrations: [])
    var place = max(0, start?.place ?? 0)
    // Nor is there an end to looking where few want to be seen.
    let end = min(entries.count, place + RegistryLimits.looksPerListed * limit)
    while place < end, page.registrations.count < limit {
      if let found = registration(place, at: now), found.isListed { page.registrations.append(found) }
      place += 1
    }
    if place < entries.count { page.next = RegistryPage.Start(place: place) }
    return page
  }

  public func count(at now: Instant) -> Int {
    sweep(at: now)
    return present
  }

  // MARK: Coming and going

  private func newNumber() throws(RegistryError) -> Int {
    guard entries.count - vacant.count < capacity else {
      throw RegistryError(.full, "the registry takes no more than \(capacity)")
    }
    let number = vacant.popLast() ?? entries.count
    if number == entries.count {
      entries.append(nil)
      moments.append(Self.never)
    }
    return number
  }

  private func leave(_ number: Int, at now: Instant) {
    guard entries[number]!.isCounted else { return }
    present -= 1
    entries[number]!.isCounted = false
    entries[number]!.expires = now
  }

  /// Nothing is known of this owner any more. The wheel asks for its number still.
  private func forget(_ number: Int, at now: Instant) {
    guard let entry = entries[number] else { return }
    leave(number, at: now)
    numbers[entry.registration.owner] = nil
    if let name = entry.registration.name { names[name] = nil }
    entries[number] = nil
  }

  /// Those who were not heard of in time are not there any more; each is asked about once in its time.
  private func sweep(at now: Instant) {
    while let due = wheel.takeDue(at: now) {
      for number in due.numbers where moments[number] == due.moment { look(at: number, now) }
    }
  }

  private func look(at number: Int, _ now: Instant) {
    // It may wait there a second time, from before.
    moments[number] = Self.never
    if let entry = entries[number] {
      if entry.isThere(at: now) {
        moments[number] = wheel.add(number, at: entry.expires)
        return
      }
      leave(number, at: now)
      if entry.registration.name != nil, now < entry.nameExpires {
        moments[number] = wheel.add(number, at: entry.nameExpires)
        return
      }
      forget(number, at: now)
    }
    vacant.append(number)
  }
}
