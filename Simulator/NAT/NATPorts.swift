import WarrenMachine

/// Chooses the outside address and port of a new mapping (RFC 4787, 4.1 and 4.2).
struct NATPorts: Sendable {
  let configuration: NATConfiguration
  /// The outside IPv4 addresses.
  let pool: [IPAddress]
  /// The port that was chosen last at each address, for sequential allocation.
  private var latest: [Int]
  /// The blocks of ports that some host has.
  private var takenBlocks: Set<Int> = []

  init(_ configuration: NATConfiguration, pool: [IPAddress], random: inout SimulatorRandom) {
    self.configuration = configuration
    self.pool = pool
    latest = pool.map { _ in
      Int(configuration.ports.lowerBound) + random.below(configuration.ports.count)
    }
  }

  /// What is looked for: a place for `inside` that is free towards `remote`.
  struct Request {
    var transport: Transport
    var inside: SocketAddress
    /// As much of the remote end as must differ between mappings that share a port.
    var remote: SocketAddress
    /// Where its latest flow is, if that is to be tried first.
    var latest: SocketAddress?

    func key(_ outside: SocketAddress) -> FlowKey { FlowKey(transport, outside, remote) }
  }

  /// A free place on the outside; nil if there is none.
  mutating func choose(
    for request: Request, host: inout NATHost, among table: borrowing NATTable,
    random: inout SimulatorRandom
  ) -> SocketAddress? {
    if configuration.keepsContiguity, let place = besideEvenPort(request, among: table) { return place }
    let index = addressIndex(for: &host, random: &random)
    let address = pool[index]
    if let latest = request.latest, latest.ip == address, table.isFree(request.key(latest)) { return latest }
    if configuration.keepsPort, configuration.portBlock == nil {
      let kept = SocketAddress(address, port: request.inside.port)
      if kept.port != 0, table.isFree(request.key(kept)) { return kept }
    }
    guard configuration.portBlock == nil else {
      return chooseInBlocks(request, at: index, host: &host, among: table, random: &random)
    }
    let range = range(for: request.inside.port)
    return search(range, at: index, request, among: table, random: &random)
  }

  mutating func release(_ blocks: [Int]) { takenBlocks.subtract(blocks) }

  private func addressIndex(for host: inout NATHost, random: inout SimulatorRandom) -> Int {
    switch configuration.pooling {
    case .arbitrary: return random.below(pool.count)
    case .paired:
      if let paired = host.pairedAddress { return paired }
      let index = random.below(pool.count)
      host.pairedAddress = index
      return index
    }
  }

  private func range(for inside: UInt16) -> ClosedRange<Int> {
    guard configuration.keepsPortClass, inside < 1024 else {
      return Int(configuration.ports.lowerBound)...Int(configuration.ports.upperBound)
    }
    return 1...1023
  }
}

// MARK: Parity and contiguity

extension NATPorts {
  /// The place of an odd port: next to that of the even port below it (RFC 3550, 11).
  private func besideEvenPort(_ request: Request, among table: borrowing NATTable) -> SocketAddress? {
    guard request.inside.port % 2 == 1 else { return nil }
    let even = SocketAddress(request.inside.ip, port: request.inside.port - 1)
    guard let slot = table.mapping(inside: FlowKey(request.transport, even, .whatever)) else { return nil }
    var place = table.mappings.elements[slot].outside
    guard place.port < .max else { return nil }
    place.port += 1
    return table.isFree(request.key(place)) ? place : nil
  }

  private func suits(_ place: SocketAddress, _ request: Request, _ table: borrowing NATTable) -> Bool {
    guard table.isFree(request.key(place)) else { return false }
    let inside = request.inside.port
    if configuration.keepsParity, place.port % 2 != inside % 2 { return false }
    guard configuration.keepsContiguity, inside % 2 == 0 else { return true }
    let neighbour = SocketAddress(place.ip, port: place.port &+ 1)
    return neighbour.port != 0 && table.isFree(request.key(neighbour))
  }
}

// MARK: Searching

extension NATPorts {
  private mutating func search(
    _ range: ClosedRange<Int>, at index: Int, _ request: Request, among table: borrowing NATTable,
    random: inout SimulatorRandom
  ) -> SocketAddress? {
    let address = pool[index]
    func place(_ port: Int) -> SocketAddress { SocketAddress(address, port: UInt16(port)) }
    switch configuration.portChoice {
    case .random:
      // Draws keep the choice even; only a nearly full range is searched from end to end.
      for _ in 0..<min(128, 2 * range.count) {
        let candidate = place(range.lowerBound + random.below(range.count))
        if suits(candidate, request, table) { return candidate }
      }
      return first(in: range, at: address, request, table)
    case .sequential(let step):
      let base = range.contains(latest[index]) ? latest[index] : range.lowerBound
      // What is taken, or of the wrong parity, is passed over.
      let start = range.lowerBound + (base - range.lowerBound + step) % range.count
      let found =
        first(in: start...range.upperBound, at: address, request, table)
        ?? (start > range.lowerBound
          ? first(in: range.lowerBound...start - 1, at: address, request, table) : nil)
      if let found { latest[index] = Int(found.port) }
      return found
    }
  }

  /// The first place that suits, with ports from the lowest on.
  private func first(
    in range: ClosedRange<Int>, at address: IPAddress, _ request: Request, _ table: borrowing NATTable
  ) -> SocketAddress? {
    var next = range.lowerBound
    let key = request.key(SocketAddress(address, port: 0))
    while let port = table.firstPort(from: next, upTo: range.upperBound, for: key) {
      let place = SocketAddress(address, port: UInt16(port))
      if suits(place, request, table) { return place }
      next = port + 1
    }
    return nil
  }

  private mutating func chooseInBlocks(
    _ request: Request, at index: Int, host: inout NATHost, among table: borrowing NATTable,
    random: inout SimulatorRandom
  ) -> SocketAddress? {
    guard let block = configuration.portBlock else { return nil }
    for taken in host.blocks {
      let found = search(
        ports(ofBlock: taken, block), at: taken / blocksPerAddress(block), request, among: table,
        random: &random)
      if let found { return found }
    }
    guard host.blocks.count < block.perHost, let new = freeBlock(block, at: index, random: &random) else {
      return nil
    }
    takenBlocks.insert(new)
    host.blocks.append(new)
    return search(ports(ofBlock: new, block), at: index, request, among: table, random: &random)
  }

  private func blocksPerAddress(_ block: NATConfiguration.PortBlock) -> Int { 65_536 / block.size }

  private func ports(ofBlock number: Int, _ block: NATConfiguration.PortBlock) -> ClosedRange<Int> {
    let first = number % blocksPerAddress(block) * block.size
    return first...first + block.size - 1
  }

  /// A block at an address that lies within the range of ports and that nobody has.
  private func freeBlock(
    _ block: NATConfiguration.PortBlock, at index: Int, random: inout SimulatorRandom
  ) -> Int? {
    let first = (Int(configuration.ports.lowerBound) + block.size - 1) / block.size
    let end = (Int(configuration.ports.upperBound) + 1) / block.size
    guard first < end else { return nil }
    let base = index * blocksPerAddress(block)
    let start = random.below(end - first)
    return (0..<end - first).lazy.map { base + first + (start + $0) % (end - first) }
      .first { !takenBlocks.contains($0) }
  }
}
