import Testing

@testable import Warren

/// Nodes of the plain protocol on both machines, and programs that speak it by hand.
struct PlainScene: Sendable {
  let machines: TwoMachines.Pair

  static func run(_ world: TwoMachines, _ body: @escaping @Sendable (PlainScene) async throws -> Void)
    async throws
  {
    try await world.run { try await body(PlainScene(machines: $0)) }
  }

  /// A node that has begun, and whoever reads its events.
  func node(
    _ name: String, isBob: Bool = false, reads: Bool = true,
    _ change: (inout PlainMesh.Configuration) -> Void = { _ in }
  ) async throws -> PlainWitness {
    var configuration = PlainMesh.Configuration()
    configuration.name = name
    change(&configuration)
    let mesh = try PlainMesh(configuration, on: isBob ? machines.bob : machines.alice)
    let port = try await mesh.start().port
    let address = SocketAddress(isBob ? machines.bobIP(.v4) : machines.aliceIP(.v4), port: port)
    let witness = PlainWitness(of: mesh, at: address)
    if reads { await witness.read() }
    return witness
  }
}

/// Reads what happens to a node, and keeps it.
actor PlainWitness {
  nonisolated let mesh: PlainMesh
  nonisolated let address: SocketAddress
  nonisolated var unownedExecutor: UnownedSerialExecutor { mesh.unownedExecutor }
  private(set) var events: [PlainEvent] = []

  init(of mesh: PlainMesh, at address: SocketAddress) {
    self.mesh = mesh
    self.address = address
  }

  func read() {
    mesh.machine.spawn("the events of \(mesh.name)") {
      for await event in self.mesh.events { self.add(event) }
    }
  }

  private func add(_ event: PlainEvent) { events.append(event) }

  /// Waits until so many such things have happened.
  @discardableResult
  func wait(for what: String, count: Int = 1, _ isIt: @Sendable (PlainEvent) -> Bool) async throws
    -> [PlainEvent]
  {
    for _ in 0..<20_000 {
      if events.count(where: isIt) >= count { return events.filter(isIt) }
      try await mesh.machine.sleep(for: .milliseconds(1))
    }
    Issue.record("\(mesh.name) has waited in vain for \(what): \(events.suffix(12))")
    throw PlainError(.silent, what)
  }

  func wait(for count: Int, peersOf mesh: PlainMesh) async throws {
    for _ in 0..<20_000 {
      if await mesh.peers.count == count { return }
      try await mesh.machine.sleep(for: .milliseconds(1))
    }
    Issue.record("\(mesh.name) has \(await mesh.peers.map(\.name)) and not \(count): \(events.suffix(12))")
  }

  func texts() -> [String] {
    events.compactMap { if case .text(let text, let peer) = $0 { "\(peer.name): \(text)" } else { nil } }
  }

  func connections() -> Int {
    events.count { if case .connected = $0 { true } else { false } }
      - events.count { if case .disconnected = $0 { true } else { false } }
  }
}

/// A program that says just what it is told to, over one connection: netcat, or a node of the original.
actor PlainVisitor {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var listener: (any TCPListener)?
  private var connection: (any TCPConnection)?
  private var bytes: [UInt8] = []

  init(on machine: any Machine) { self.machine = machine }

  func call(_ address: SocketAddress) async throws { connection = try await machine.connectTCP(to: address) }

  func listen() throws -> UInt16 {
    let listener = try machine.listenTCP(on: .any(.v4))
    self.listener = listener
    return listener.localAddress.port
  }

  func accept() async throws {
    let listener = try #require(listener)
    connection = try await listener.accept()
  }

  func say(_ text: String) async throws { try await say(Array(text.utf8)) }

  func say(_ bytes: [UInt8]) async throws {
    let connection = try #require(connection)
    try await connection.write(bytes)
  }

  /// The next line, without its end; nil where the connection has ended.
  func line() async throws -> String? {
    while true {
      if let end = bytes.firstIndex(of: 0x0A) {
        defer { bytes.removeFirst(end + 1) }
        return String(decoding: bytes[..<end], as: UTF8.self)
      }
      guard try await more() else { return nil }
    }
  }

  func read(exactly count: Int) async throws -> [UInt8] {
    while bytes.count < count { guard try await more() else { return bytes } }
    defer { bytes.removeFirst(count) }
    return Array(bytes.prefix(count))
  }

  private func more() async throws -> Bool {
    let connection = try #require(connection)
    guard let more = try? await connection.read() else { return false }
    bytes += more
    return true
  }

  func close() {
    connection?.close()
    listener?.close()
  }
}
