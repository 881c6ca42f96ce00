import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's credentials")
struct RelayCredentialsTests {
  private let client = RelayScene.client()

  private static func transport(_ writer: inout STUNMessageWriter) {
    writer.put(.requestedTransport, 17 << 24)
  }

  @Test("a stranger is told realm, nonce and algorithms, in the same words every time")
  func challenge() throws {
    let scene = RelayScene()
    let answer = try #require(try scene.say(scene.request(.allocate, .request, Self.transport), from: client))
    #expect(answer.error == .unauthenticated && answer.integrity == .none)
    #expect(try answer.value(.realm) == Array("warren".utf8))
    #expect(try answer.value(.passwordAlgorithms) == [0, 2, 0, 0, 0, 1, 0, 0])
    let nonce = try #require(try answer.value(.nonce))
    #expect(nonce.starts(with: Array("obMatJos2gAAB".utf8)))
    let again = try #require(try scene.say(scene.request(.refresh), from: client))
    #expect(try again.value(.nonce) == nonce)
    let other = try #require(try scene.say(scene.request(.allocate), from: RelayScene.client(2)))
    #expect(try other.value(.nonce) != nonce)
    #expect(scene.core.allocationCount == 0 && scene.open.isEmpty)
  }

  @Test("both signatures and both ways from password to key are taken, and answered alike")
  func signatures() throws {
    for function in [HashFunction.sha1, .sha256] {
      for algorithm in [nil, STUNPasswordAlgorithm.md5, .sha256] {
        let scene = RelayScene()
        let user = RelayScene.User(algorithm: algorithm, function: function)
        let answer = try scene.ask(.allocate, from: client, as: user, Self.transport)
        #expect(answer.messageClass == .success)
        #expect(answer.integrity == (function == .sha256 ? .sha256 : .sha1))
        #expect(try answer.isSigned(with: RelayScene.key(user)))
      }
    }
  }

  @Test("whoever is wrong about name, password, realm or nonce stays outside")
  func wrong() throws {
    let scene = RelayScene()
    typealias User = RelayScene.User
    for user in [
      User(password: "wrong"), User(name: "mallory"), User(name: "bob"), User(name: ""),
      User(password: "wrong", algorithm: .sha256, function: .sha256),
    ] {
      let answer = try scene.ask(.allocate, from: client, as: user, Self.transport)
      #expect(answer.error == .unauthenticated && answer.integrity == .none)
      #expect(try answer.value(.nonce) != nil)
    }
    let realm = try scene.signed(.allocate, from: client, realm: "elsewhere", Self.transport)
    #expect(try scene.say(realm, from: client)?.error == .unauthenticated)
    // Another client's nonce, one that was never given, and one from the future.
    let others = try scene.nonce(of: RelayScene.client(2))
    for nonce in [
      others, [], Array("obMatJos2gAAB000003e8AAAAAAAAAAA".utf8),
      Array("obMatJos2gAABffffffffAAAAAAAAAAA".utf8),
      Array(repeating: 0xFF, count: 32), Array(repeating: 0x41, count: 700),
    ] {
      let request = try scene.signed(.allocate, from: client, nonce: nonce, Self.transport)
      let answer = try #require(try scene.say(request, from: client))
      #expect(answer.error == .staleNonce)
      #expect(try answer.value(.nonce) == scene.nonce(of: client))
    }
    // Who is wrong about both is a stranger, and not told that his nonce is old (RFC 8489, 9.2.4).
    let both = try scene.signed(
      .allocate, from: client, as: User(password: "x"), nonce: others, Self.transport)
    #expect(try scene.say(both, from: client)?.error == .unauthenticated)
    #expect(scene.core.allocationCount == 0)
    #expect(try scene.ask(.allocate, from: client, Self.transport).error == nil)
  }

  @Test("a signature without who signs is no request, and neither is a choice nobody was given")
  func malformed() throws {
    let scene = RelayScene()
    let nonce = try scene.nonce(of: client)
    let key = RelayScene.key(RelayScene.User())
    typealias Fill = (inout STUNMessageWriter) -> Void
    let name: Fill = { $0.add(.username, "alice") }
    let realm: Fill = { $0.add(.realm, "warren") }
    let good: Fill = { $0.add(.nonce, nonce.span.bytes) }
    let weaker: Fill = {
      $0.put(.passwordAlgorithms, bytes: [0, 1, 0, 0])
      $0.put(.passwordAlgorithm, 0x0001_0000)
    }
    let alone: Fill = { $0.put(.passwordAlgorithm, 0x0001_0000) }
    let noChoice: Fill = { $0.put(.passwordAlgorithms, long: 0x0002_0000_0001_0000) }
    let unknown: Fill = {
      $0.put(.passwordAlgorithms, long: 0x0002_0000_0001_0000)
      $0.put(.passwordAlgorithm, 0x0009_0000)
    }
    for parts in [
      [realm, good], [name, good], [name, realm], [name, realm, good, weaker], [name, realm, good, alone],
      [name, realm, good, noChoice], [name, realm, good, unknown],
    ] {
      let bytes = scene.request(.allocate) { writer in
        for part in parts { part(&writer) }
        writer.sign(with: key)
      }
      #expect(try scene.say(bytes, from: client)?.error == .badRequest)
    }
  }

  @Test("a nonce is good for an hour, and then another is given to whoever signs")
  func stale() throws {
    let scene = RelayScene()
    let bytes = try scene.signed(.allocate, from: client, Self.transport)
    scene.pass(.seconds(3600))
    #expect(try scene.say(bytes, from: client)?.messageClass == .success)
    scene.hangUp(client)
    scene.pass(.seconds(1))
    let answer = try #require(try scene.say(bytes, from: client))
    #expect(answer.error == .staleNonce)
    let nonce = try #require(try answer.value(.nonce))
    let again = try scene.signed(.allocate, from: client, nonce: nonce, Self.transport)
    #expect(try scene.say(again, from: client)?.messageClass == .success)
    #expect(scene.core.counters.staleNonces == 1)
  }

  @Test(
    "time-limited names are good until their time, with any of the shared secrets, and as others make them")
  func timeLimited() throws {
    // As `echo -n 1700000000:alice | openssl dgst -sha1 -hmac secret -binary | base64` has it.
    let known = RelayCredentials.timeLimited(user: "alice", until: .seconds(1_700_000_000), secret: "secret")
    #expect(known.username == "1700000000:alice" && known.password == "d8soP47RbdIKLDUOpnJPVQyq5Ts=")
    let scene = RelayScene()
    for (number, secret) in ["new secret", "old secret", "wrong secret"].enumerated() {
      let made = RelayCredentials.timeLimited(
        user: "carol", until: scene.timeOfDay + .seconds(60), secret: secret)
      let user = RelayScene.User(name: made.username, password: made.password)
      let answer = try scene.ask(.allocate, from: RelayScene.client(number), as: user, Self.transport)
      #expect(answer.error == (secret == "wrong secret" ? .unauthenticated : nil))
    }
    let old = RelayCredentials.timeLimited(
      user: "carol", until: scene.timeOfDay + .seconds(60), secret: "new secret")
    let user = RelayScene.User(name: old.username, password: old.password)
    scene.pass(.seconds(61))
    // What was made before goes on; nothing new begins.
    #expect(try scene.ask(.refresh, from: RelayScene.client(0), as: user).error == nil)
    #expect(
      try scene.ask(.allocate, from: RelayScene.client(9), as: user, Self.transport).error == .unauthenticated
    )
    for name in ["carol", ":carol", "99999999999999999999:carol", "-1:carol", "1e9:carol", "", ":"] {
      let code = HMAC(.sha1, key: Array("new secret".utf8)).code(of: Array(name.utf8))
      let user = RelayScene.User(name: name, password: String(decoding: Base64.text(of: code), as: UTF8.self))
      #expect(
        try scene.ask(.allocate, from: RelayScene.client(9), as: user, Self.transport).error
          == .unauthenticated)
    }
  }

  @Test("the names of one user count together, whatever time is before them")
  func accounts() {
    let credentials = RelayCredentials(users: ["a:b": "x"], sharedSecrets: ["s"])
    #expect(credentials.account(of: "17:carol") == "carol")
    #expect(credentials.account(of: "18:carol") == "carol")
    #expect(credentials.account(of: "18:") == "18:")
    #expect(credentials.account(of: "18") == "18")
    #expect(credentials.account(of: "a:b") == "a:b")
  }

  @Test("keys are remembered of a number of users, and never of those who have not signed")
  func cache() throws {
    var cache = RelayKeyCache(capacity: 3)
    let key = STUNKey(password: "x")
    for number in 0..<10 {
      for algorithm in STUNPasswordAlgorithm.allCases { cache.keep(key, of: "user \(number)", algorithm) }
      #expect(cache.count <= 3)
    }
    #expect(cache.key(of: "user 9", .sha256) != nil && cache.key(of: "user 0", .md5) == nil)
  }

  @Test("an answer to a stranger is hardly longer than a question, headers and all")
  func amplification() throws {
    let headers = 28
    for method in [STUNMethod.allocate, .refresh, .createPermission, .channelBind, .binding] {
      let scene = RelayScene()
      for fill in [Self.transport, { (_: inout STUNMessageWriter) in }] {
        let bytes = scene.request(method, .request, fill)
        let answer = try #require(try scene.say(bytes, from: client))
        let factor = Double(answer.bytes.count + headers) / Double(bytes.count + headers)
        #expect(factor <= RelayLimits.amplification, "\(method): \(factor)")
      }
    }
  }

  @Test("nothing but a request is answered, and no request from where nobody is")
  func silence() throws {
    let scene = RelayScene()
    for messageClass in [STUNClass.indication, .success, .failure] {
      for method in 0...16 {
        let bytes = scene.request(STUNMethod(rawValue: UInt16(method)), messageClass)
        #expect(try scene.say(bytes, from: client) == nil)
      }
    }
    for address in [
      SocketAddress(client.address.ip, port: 0), RelayScene.server, SocketAddress(.any(.v4), port: 9),
      SocketAddress(IPAddress(224, 0, 0, 1), port: 9), SocketAddress(IPAddress(255, 255, 255, 255), port: 9),
    ] {
      #expect(try scene.say(scene.request(.binding), from: ServedClient(address, at: 0)) == nil)
      #expect(try scene.say(scene.request(.allocate), from: ServedClient(address, at: 0)) == nil)
    }
    for method in [STUNMethod.connectionAttempt, .send, .data, STUNMethod(rawValue: 0xABC)] {
      #expect(try scene.say(scene.request(method), from: client) == nil)
    }
    #expect(scene.core.counters.refusals == 0)
  }
}
