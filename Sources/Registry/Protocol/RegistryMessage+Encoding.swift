import WarrenCrypto
import WarrenMachine
import WarrenRelay

extension RegistryMessage {
  /// What is spoken between a peer and a registry (ALPN): another number is another protocol.
  public static let protocolName = "warren-registry/1"

  private enum Kind: UInt8 {
    case hello = 0
    case register
    case renew, withdraw, rename, find, list, wait, introduce, accept, deny, forget
    case welcome = 64
    case done, failed, found, page, introduced, accepted, seen, relay
    case signal = 128
    case end
  }

  // Bits of the flags.
  private static let isListed: UInt8 = 1
  private static let isQuestion: UInt8 = 2
  private static let isHidden: UInt8 = 4

  func write(as request: UInt32, into output: inout MessageWriter) {
    output.write(kind.rawValue, request) { output in
      switch self {
      case .register(let announcement):
        if let name = announcement.name { output.field(.name, name.text) }
        let isListed = announcement.isListed ? Self.isListed : 0
        output.field(.flags, number: isListed | (announcement.isHidden ? Self.isHidden : 0))
        output.field(announcement.consent)
        output.field(announcement.addresses)
        output.field(.attested, announcement.attested, atMost: RegistryLimits.attestedAddresses)
        output.field(.relayed, announcement.relayed, atMost: RegistryLimits.relayedAddresses)
      case .hello, .renew, .withdraw, .forget, .done: break
      case .rename(let name): output.field(.name, name.text)
      case .find(let target): output.field(target)
      case .list(let start): if let start { output.field(.place, number: UInt32(start.place)) }
      case .wait(let secret): output.field(.secret, secret.utf8, atMost: RegistryLimits.keyBytes)
      case .introduce(let asked):
        output.field(asked.target)
        output.field(asked.addresses)
        output.field(asked.content)
      case .accept(let id, let addresses):
        output.field(.introduction, number: id)
        output.field(addresses)
      case .seen(let id, let addresses, let relays):
        output.field(.introduction, number: id)
        output.field(addresses)
        output.field(relays: relays)
      case .relay(let grant): output.field(grant)
      case .deny(let id, let reason):
        output.field(.introduction, number: id)
        output.field(reason: reason)
      case .welcome(let observed, let lifetime):
        output.field([observed])
        output.field(.milliseconds, lifetime)
      case .failed(let error):
        output.field(.code, number: error.code.number)
        output.field(reason: error.reason)
      case .found(let registration): output.field(registration)
      case .page(let page):
        for registration in page.registrations { output.field(registration) }
        if let next = page.next { output.field(.place, number: UInt32(next.place)) }
      case .introduced(let introduction):
        output.field(.introduction, number: introduction.id)
        output.field(.key, introduction.peer.bytes)
        if let name = introduction.name { output.field(.name, name.text) }
        output.field(introduction.addresses)
        output.field(.flags, number: introduction.isQuestion ? Self.isQuestion : 0)
        output.field(introduction.content)
      case .accepted(let answer):
        output.field(.introduction, number: answer.id)
        output.field(.key, answer.peer.bytes)
        output.field(answer.addresses)
      case .signal(let id, let bytes):
        output.field(.introduction, number: id)
        output.field(.signal, bytes, atMost: RegistryLimits.signalBytes)
      case .end(let id): output.field(.introduction, number: id)
      }
    }
  }

  private var kind: Kind {
    switch self {
    case .hello: .hello
    case .register: .register
    case .renew: .renew
    case .withdraw: .withdraw
    case .rename: .rename
    case .find: .find
    case .list: .list
    case .wait: .wait
    case .introduce: .introduce
    case .accept: .accept
    case .deny: .deny
    case .forget: .forget
    case .welcome: .welcome
    case .done: .done
    case .failed: .failed
    case .found: .found
    case .page: .page
    case .introduced: .introduced
    case .accepted: .accepted
    case .seen: .seen
    case .relay: .relay
    case .signal: .signal
    case .end: .end
    }
  }

  /// The message of this kind with these fields; nil where the kind is not known.
  ///
  /// - Throws: a ``RegistryError`` where a field is missing, or is not what it should be.
  init?(kind: UInt8, _ bytes: RawSpan) throws(RegistryError) {
    guard let kind = Kind(rawValue: kind) else { return nil }
    let fields = bytes.isEmpty ? MessageFields() : try MessageFields(bytes)
    switch kind {
    case .register:
      self = .register(
        Announcement(
          named: fields.name, isListed: fields.flags & Self.isListed != 0, consent: fields.consentValue,
          at: fields.addresses, attested: fields.attested, relayed: fields.relayed,
          isHidden: fields.flags & Self.isHidden != 0))
    case .hello: self = .hello
    case .renew: self = .renew
    case .withdraw: self = .withdraw
    case .rename: self = .rename(try need(fields.name, "a name"))
    case .find: self = .find(try fields.target)
    case .list: self = .list(from: fields.place.map { RegistryPage.Start(place: Int($0)) })
    case .wait: self = .wait(key: try need(fields.secret, "a key"))
    case .introduce:
      self = .introduce(
        Introduction.Request(try fields.target, at: fields.addresses, fields.content))
    case .accept: self = .accept(try fields.number, addresses: fields.addresses)
    case .deny: self = .deny(try fields.number, reason: fields.reason)
    case .forget: self = .forget
    case .welcome:
      self = .welcome(
        observed: try need(fields.addresses.first, "an address"),
        lifetime: .milliseconds(Int(try need(fields.milliseconds, "a time"))))
    case .done: self = .done
    case .failed:
      self = .failed(
        RegistryError(RegistryError.Code(number: try need(fields.code, "a code")), fields.reason))
    case .found: self = .found(try need(fields.registrations.first, "a registration"))
    case .page:
      self = .page(
        RegistryPage(
          registrations: fields.registrations,
          next: fields.place.map { RegistryPage.Start(place: Int($0)) }))
    case .introduced:
      self = .introduced(
        Introduction(
          id: try fields.number, of: try need(fields.key, "who it is"), named: fields.name,
          at: fields.addresses, isQuestion: fields.flags & Self.isQuestion != 0, fields.content))
    case .accepted:
      self = .accepted(
        Introduction.Answer(
          id: try fields.number, peer: try need(fields.key, "who it is"), addresses: fields.addresses))
    case .seen:
      self = .seen(try fields.number, addresses: fields.addresses, relays: fields.relays)
    case .relay: self = .relay(try fields.grant)
    case .signal: self = .signal(try fields.number, fields.signal)
    case .end: self = .end(try fields.number)
    }
  }
}

/// A field that the message cannot do without.
private func need<Value>(_ value: Value?, _ what: String) throws(RegistryError) -> Value {
  guard let value else { throw RegistryError(.badMessage, "the message does not say \(what)") }
  return value
}

extension MessageFields {
  fileprivate var content: Introduction.Content { Introduction.Content(flight: packets, signal: signal) }

  fileprivate var number: UInt64 {
    get throws(RegistryError) { try need(introduction, "which introduction it is about") }
  }

  fileprivate var grant: RelayGrant {
    get throws(RegistryError) {
      let bits = try need(transports, "how the relay is spoken to")
      let (username, password) = (try need(username, "as whom"), try need(password, "a password"))
      let lifetime = Duration.milliseconds(Int(try need(milliseconds, "a time")))
      var grant = RelayGrant(
        transports: RelayGrant.order.indices.filter { bits >> $0 & 1 != 0 }.map { RelayGrant.order[$0] },
        username: username, password: password, lifetime: lifetime)
      if let realm, let nonce, !nonce.isEmpty {
        grant.challenge = RelayChallenge(realm: realm, nonce: nonce, passwordAlgorithms: passwordAlgorithms)
      }
      return grant
    }
  }

  fileprivate var target: RegistryTarget {
    get throws(RegistryError) {
      if let key { return .key(key) }
      if let name { return .name(name) }
      return .pairing(try need(secret, "whom it is about"))
    }
  }
}
