import Testing
import Warren

@testable import WarrenRegistry

/// Somebody at a registry who says what it likes. Used on its machine's executor alone: hence `@unchecked`.
final class RegistryVisitor: @unchecked Sendable {
  /// What carries its words.
  enum Carrier: CaseIterable { case quic, tls }

  let key: PrivateKey
  let link: any RegistryLink
  let endpoint: QUICEndpoint?
  let machine: any Machine
  /// All that it was told.
  private(set) var bytes: [UInt8] = []
  private var reader = MessageReader()
  private var lastRequest: UInt32 = 100
  /// What it was told and has not asked for.
  private var told: [RegistryMessage] = []

  /// Connects, and says hello, or nothing.
  init(
    on machine: any Machine, of address: RegistryAddress, over carrier: Carrier = .quic,
    key: PrivateKey? = nil, greets: Bool = true,
    _ change: (inout QUICConfiguration) -> Void = { _ in }
  ) async throws {
    self.machine = machine
    var random = machine.random
    self.key = key ?? PrivateKey(using: &random)
    let remote = SocketAddress(try IPAddress(address.host), port: address.port)
    switch carrier {
    case .quic:
      var configuration = QUICConfiguration(protocols: [RegistryMessage.protocolName])
      change(&configuration)
      let endpoint = QUICEndpoint(on: machine, try QUICIdentity(self.key), configuration)
      try await endpoint.bind(to: .any(remote.ip.family))
      self.endpoint = endpoint
      let connection = try await endpoint.connect(to: remote, expecting: address.key)
      link = try #require(QUICLink(connection, try await connection.openStream()))
    case .tls:
      endpoint = nil
      let tcp = try await machine.connectTCP(to: remote)
      let connection = try await TLSConnection.connect(
        over: tcp, try TLSIdentity(self.key), TLSConfiguration(protocols: [RegistryMessage.protocolName]),
        expecting: address.key)
      link = try #require(TLSLink(connection, to: remote))
    }
    if greets { try await say(.hello) }
  }

  func say(_ message: RegistryMessage, as request: UInt32 = 0) async throws {
    var writer = MessageWriter()
    message.write(as: request, into: &writer)
    try await link.write(writer.bytes)
  }

  /// A message of this kind, whatever its fields say.
  func say(_ kind: UInt8, _ fields: [(UInt8, [UInt8])], as request: UInt32) async throws {
    let body = fields.flatMap { [$0, UInt8($1.count >> 8), UInt8($1.count & 0xFF)] + $1 }
    let size = body.count + 5
    try await link.write(
      [UInt8(size >> 8), UInt8(size & 0xFF), kind, 0, 0, UInt8(request >> 8), UInt8(request & 0xFF)] + body)
  }

  /// What it is told next; an error at the end.
  func hear() async throws -> (request: UInt32, RegistryMessage) {
    while true {
      while let incoming = try reader.next() {
        if let message = try incoming.message.get() { return (incoming.request, message) }
      }
      let link = link
      guard let bytes = try await machine.withDeadline(.seconds(70), { try await link.read() }) else {
        throw RegistryError(.noRegistry, "there is no more to hear")
      }
      self.bytes += bytes
      reader.append(bytes)
    }
  }

  /// What is answered to a message.
  func ask(_ message: RegistryMessage) async throws -> RegistryMessage {
    lastRequest += 1
    try await say(message, as: lastRequest)
    return try await answer(to: lastRequest)
  }

  func answer(to number: UInt32) async throws -> RegistryMessage {
    while true {
      let (request, message) = try await hear()
      if request == number { return message }
      told.append(message)
    }
  }

  /// Why a message is refused; nil where it is not.
  func refusal(of message: RegistryMessage) async throws -> RegistryError.Code? {
    if case .failed(let error) = try await ask(message) { error.code } else { nil }
  }

  /// The next that it is told and has not asked for, and that is wanted.
  func next<Value>(_ wanted: (RegistryMessage) -> Value?) async throws -> Value {
    while true {
      while !told.isEmpty { if let value = wanted(told.removeFirst()) { return value } }
      told.append(try await hear().1)
    }
  }

  /// All that it has been told by now, and has not asked for.
  func allTold() async throws -> [RegistryMessage] {
    // What is answered later was said later.
    _ = try await ask(.list(from: nil))
    defer { told = [] }
    return told
  }

  /// Hears until the registry ends it.
  func end() async -> LinkEnd? {
    do {
      while true { told.append(try await hear().1) }
    } catch {
      guard case .application(let number) = (error as? QUICError)?.code else { return nil }
      return LinkEnd(rawValue: number)
    }
  }

  func close() async {
    await link.close(.closed)
    await endpoint?.close()
  }
}
