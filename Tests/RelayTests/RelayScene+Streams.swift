import Testing
import Warren

@testable import WarrenRelay

// TCP with peers, as numbers too.
extension RelayScene {
  static func caller(_ number: Int = 1, port: UInt16 = 4000) -> ServedClient {
    ServedClient(client(number, port: port).address, connection: number * 100_000 + Int(port))
  }

  @discardableResult
  func allocateTCP(
    _ client: ServedClient, as user: User = User(), _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> SocketAddress {
    let answer = try ask(.allocate, from: client, as: user) {
      $0.put(.requestedTransport, 6 << 24)
      fill(&$0)
    }
    #expect(answer.messageClass == .success, "\(String(describing: answer.error))")
    return try #require(try answer.values(.xorRelayedAddress).first)
  }

  /// Asks for a connection: what is to be opened, or why nothing is.
  func connect(
    to peer: SocketAddress, from client: ServedClient, as user: User = User()
  ) throws -> Result<RelayDial, RelayRefusal> {
    let bytes = try signed(.connect, from: client, as: user) { $0.add(.xorPeerAddress, masked: peer) }
    let answer = try say(bytes, from: client)
    if case .dial(let dial) = reaction { return .success(dial) }
    return .failure(RelayRefusal(code: try #require(answer?.error)))
  }

  func refusalToConnect(
    to peer: SocketAddress, from client: ServedClient, as user: User = User()
  ) throws -> STUNErrorCode? {
    if case .failure(let refusal) = try connect(to: peer, from: client, as: user) {
      refusal.code
    } else {
      nil
    }
  }

  /// What a client is told of a connection that was to be opened.
  func dialed(_ dial: RelayDial, succeeded: Bool = true) throws -> Answer? {
    var answer = STUNMessageWriter()
    let client = core.dialed(dial.number, succeeded: succeeded, at: now, into: &answer)
    tidyUp()
    guard client != nil else { return nil }
    let told = try Answer(answer.copy)
    #expect(try told.isSigned(with: Self.key(User())))
    return told
  }

  /// Tells of connections that took too long, as the shell does.
  func giveUpOverdue() {
    while let number = core.pollOverdue() {
      var answer = STUNMessageWriter()
      if core.dialed(number, succeeded: false, at: now, into: &answer) != nil {
        told.append(answer.copy)
      }
    }
  }

  /// Somebody connects to a relayed address: the indication for its client.
  func arrive(from peer: SocketAddress, at client: ServedClient) throws -> Answer? {
    let found = core.slot(of: client)
    let slot = try #require(found)
    var indication = STUNMessageWriter()
    guard
      let (number, told) = core.arrived(
        from: peer, at: RelayPortNumber(slot: slot, family: peer.ip.family), at: now, into: &indication)
    else { return nil }
    streams.insert(number)
    #expect(told == client)
    return try Answer(indication.copy)
  }

  /// Claims a connection: whether it is the client's now, or why not.
  func claim(_ id: UInt32, from client: ServedClient, as user: User = User()) throws -> STUNErrorCode? {
    let bytes = try signed(.connectionBind, from: client, as: user) { $0.put(.connectionID, Int(id)) }
    let answer = try #require(try say(bytes, from: client))
    if answer.error == nil {
      guard case .join = reaction else {
        Issue.record("it was granted and not joined")
        return nil
      }
    }
    return answer.error
  }
}
