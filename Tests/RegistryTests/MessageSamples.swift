import TestSupport
import WarrenCrypto
import WarrenMachine
import WarrenRelay

@testable import WarrenRegistry

/// Messages of every kind, the smallest and the largest that there are.
enum MessageSamples {
  static func peer(_ number: UInt8) -> PeerID {
    PeerID(bytes: [UInt8](repeating: number, count: PeerID.byteCount).span.bytes)!
  }

  static func name(_ text: String) -> RegistryName {
    guard let name = try? RegistryName(text) else { preconditionFailure("\(text) is no name") }
    return name
  }

  /// 64 bytes of another script.
  static let longName = name(String(repeating: "ж", count: RegistryLimits.nameBytes / 2))
  static let longKey = String(repeating: "k", count: RegistryLimits.keyBytes)
  static let longCredential = String(repeating: "c", count: RegistryLimits.credentialBytes)
  static let longReason = String(repeating: "r", count: RegistryLimits.reasonBytes)

  static let addresses: [SocketAddress] = (0..<RegistryLimits.addresses).map { number in
    let port = UInt16(number) &* 4369
    return number % 2 == 0
      ? SocketAddress(IPAddress(v4: .max - UInt32(number)), port: port)
      : SocketAddress(IPAddress(v6: .max, UInt64(number)), port: port)
  }
  static let attested = addresses.prefix(RegistryLimits.attestedAddresses).map {
    AttestedAddress($0, proof: UInt64.max - UInt64($0.port))
  }
  static let relayed = addresses.suffix(RegistryLimits.relayedAddresses).map {
    AttestedAddress($0, proof: UInt64($0.port))
  }
  static let content = Introduction.Content(
    flight: Array(
      repeating: [UInt8](repeating: 0xC0, count: RegistryLimits.packetBytes),
      count: RegistryLimits.flightPackets),
    signal: [UInt8](repeating: 9, count: RegistryLimits.signalBytes))
  static let page = (0..<RegistryLimits.page).map {
    Registration(of: .key(peer(UInt8($0))), named: longName, isListed: $0 % 2 == 0)
  }
  static let targets: [RegistryTarget] = [
    .name(name("b")), .name(longName), .key(peer(0)), .key(peer(255)), .pairing(""), .pairing(longKey),
  ]
  static let consents: [Consent] = [
    .ask, .everyone, .nobody, .only([]), .only((0..<RegistryLimits.allowedPeers).map { peer(UInt8($0)) }),
  ]

  static let all: [RegistryMessage] = peers + registries + both

  static let peers: [RegistryMessage] =
    [
      .hello, .renew, .withdraw, .forget, .rename(longName), .list(from: nil),
      .list(from: RegistryPage.Start(place: 0)), .list(from: RegistryPage.Start(place: Int(UInt32.max))),
      .wait(key: ""), .wait(key: longKey), .accept(0, addresses: []), .accept(.max, addresses: addresses),
      .deny(0, reason: ""), .deny(.max, reason: longReason),
      .register(Announcement()), .register(Announcement(relayed: relayed, isHidden: true)),
      .register(Announcement(isListed: false, isHidden: true)),
    ]
    + consents.map {
      .register(
        Announcement(
          named: longName, isListed: false, consent: $0, at: addresses, attested: attested, relayed: relayed))
    }
    + targets.flatMap {
      [
        .find($0), .introduce(Introduction.Request($0, at: [])),
        .introduce(Introduction.Request($0, at: addresses, content)),
      ]
    }

  static let registries: [RegistryMessage] =
    [
      .welcome(observed: addresses[0], lifetime: .zero),
      .welcome(observed: addresses[1], lifetime: .milliseconds(Int(UInt32.max))), .done,
      .page(RegistryPage(registrations: [])),
      .page(RegistryPage(registrations: page, next: RegistryPage.Start(place: Int(UInt32.max)))),
      .found(Registration(of: .key(peer(1)), isListed: false)),
      .found(Registration(of: .key(peer(1)), named: longName, at: addresses)),
      .found(Registration(of: .address(addresses[0].ip, longName), named: longName, at: [addresses[0]])),
      .found(Registration(of: .address(.any(.v4), longName), named: longName)),
      .introduced(Introduction(id: 0, of: peer(0), at: [], isQuestion: false)),
      .introduced(
        Introduction(id: .max, of: peer(255), named: longName, at: addresses, isQuestion: true, content)),
      .accepted(Introduction.Answer(id: 0, peer: peer(0), addresses: [])),
      .accepted(Introduction.Answer(id: .max, peer: peer(255), addresses: addresses)),
      .seen(0, addresses: []), .seen(.max, addresses: addresses),
      .seen(1, addresses: [], relays: relayed.map(\.address)),
      .seen(2, addresses: addresses, relays: [addresses[1]]),
      .relay(RelayGrant(transports: [], username: "", password: "", lifetime: .zero)),
      .relay(
        RelayGrant(
          transports: [.udp, .tcp, .tls], username: longCredential, password: longCredential,
          lifetime: .milliseconds(Int(UInt32.max)),
          challenge: RelayChallenge(
            realm: longCredential, nonce: Array(longCredential.utf8),
            passwordAlgorithms: [0, 2, 0, 0, 0, 1, 0, 0]))),
      .relay(
        RelayGrant(
          transports: [.tcp], username: "1:a", password: "b", lifetime: .seconds(1),
          challenge: RelayChallenge(realm: "c", nonce: [1]))),
    ] + RegistryError.Code.allCases.map { .failed(RegistryError($0, longReason)) }

  static let both: [RegistryMessage] = [
    .signal(0, []), .signal(.max, content.signal), .end(0), .end(.max),
  ]

  static func bytes(_ message: RegistryMessage, as request: UInt32 = 7) -> [UInt8] {
    var writer = MessageWriter()
    message.write(as: request, into: &writer)
    return writer.bytes
  }

  /// A message of this kind with these fields, whatever they say.
  static func bytes(_ kind: UInt8, _ fields: [(UInt8, [UInt8])], as request: UInt32 = 7) -> [UInt8] {
    let body = fields.flatMap { number, value in
      [number, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    }
    let size = body.count + 5
    return [UInt8(size >> 8), UInt8(size & 0xFF), kind] + [24, 16, 8, 0].map { UInt8(request >> $0 & 0xFF) }
      + body
  }
}
