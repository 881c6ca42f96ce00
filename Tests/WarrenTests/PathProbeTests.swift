import TestSupport
import Testing

@testable import Warren

@Suite("A probe of a path")
struct PathProbeTests {
  private let secret = [UInt8](repeating: 7, count: 32)
  private var client: PathProbeSeal { PathProbeSeal(secret: secret, isClient: true) }
  private var server: PathProbeSeal { PathProbeSeal(secret: secret, isClient: false) }
  private static let relay = SocketAddress(IPAddress(v4: 0xC000_0201), port: 50_000)
  private static let words: [PathProbe.Word] = [.ping, .pong, .relay(relay)]

  @Test("is read by the other side as it was written, and has 20 bytes", arguments: words)
  func whole(word: PathProbe.Word) {
    for wish in [PathProbe.Wish.none, .here, .elsewhere] {
      for number in [0, 1, PathProbe.numbers] {
        let probe = PathProbe(word: word, number: number, wish: wish)
        let bytes = client.seal(probe)
        #expect(server.open(bytes.span.bytes) == probe)
        #expect(PathProbeSeal.selector(of: bytes.span.bytes) == server.selector)
        if case .relay = word {} else { #expect(bytes.count == 20) }
      }
    }
  }

  @Test("is nobody's who has another secret, nor the one's who has sent it")
  func others() {
    let bytes = client.seal(PathProbe(word: .ping, number: 5))
    #expect(client.open(bytes.span.bytes) == nil)
    let stranger = PathProbeSeal(secret: [UInt8](repeating: 8, count: 32), isClient: false)
    #expect(stranger.open(bytes.span.bytes) == nil)
  }

  @Test("is refused with any bit changed, and cut anywhere", arguments: words)
  func changed(word: PathProbe.Word) {
    let bytes = client.seal(PathProbe(word: word, number: 300, wish: .here))
    for bit in 0..<bytes.count * 8 {
      var other = bytes
      other[bit / 8] ^= 1 << (bit % 8)
      #expect(server.open(other.span.bytes) == nil, "bit \(bit)")
    }
    for count in 0..<bytes.count { #expect(server.open(Array(bytes[..<count]).span.bytes) == nil) }
  }

  @Test("stands for nothing in bytes of chance")
  func chance() {
    var random = SeededRandom(1)
    for _ in 0..<10_000 {
      var bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if bytes.count >= 20, Bool.random(using: &random) {
        bytes.replaceSubrange(0..<12, with: client.seal(PathProbe(word: .ping, number: 1)).prefix(12))
      }
      #expect(server.open(bytes.span.bytes) == nil)
    }
  }
}
