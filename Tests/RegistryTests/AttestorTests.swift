import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("What the registry's STUN has seen")
struct AttestorTests {
  private static let period = RegistryLimits.attestationPeriod
  private static let address = SocketAddress(IPAddress(192, 0, 2, 1), port: 1111)

  private static func at(_ periods: Double) -> Instant {
    Instant(nanoseconds: 0).advanced(by: period * periods)
  }

  @Test("is proven for one to two periods, and not before")
  func time() {
    let attestor = Attestor(key: [1, 2, 3])
    for start in [5, 5.01, 5.5, 5.99] as [Double] {
      let attested = AttestedAddress(
        Self.address, proof: attestor.proof(of: Self.address, at: Self.at(start)))
      for later in [0, 0.5, 0.999] as [Double] {
        #expect(attestor.isRight(attested, at: Self.at(start + later)))
      }
      for other in [-1, 2, 3, 1000] as [Double] {
        #expect(!attestor.isRight(attested, at: Self.at(start + other)))
      }
    }
  }

  @Test("is proven for that address and that port alone, by that registry alone")
  func others() throws {
    let attestor = Attestor(key: [1, 2, 3])
    let now = Self.at(7.5)
    let proof = attestor.proof(of: Self.address, at: now)
    #expect(!Attestor(key: [1, 2, 4]).isRight(AttestedAddress(Self.address, proof: proof), at: now))
    let others = [
      SocketAddress(Self.address.ip, port: 1112), SocketAddress(IPAddress(192, 0, 2, 2), port: 1111),
      SocketAddress(try IPAddress("::ffff:192.0.2.1"), port: 1111),
      SocketAddress(try IPAddress("::192.0.2.1"), port: 1111),
    ]
    for other in others { #expect(!attestor.isRight(AttestedAddress(other, proof: proof), at: now)) }
    for bit in 0..<64 {
      #expect(!attestor.isRight(AttestedAddress(Self.address, proof: proof ^ 1 << UInt64(bit)), at: now))
    }
  }

  @Test("is proven by a clock that begins below nothing, too")
  func negative() {
    let attestor = Attestor(key: [9])
    for seconds in [-1000, -61, -1, 0, 1] {
      let now = Instant(nanoseconds: 0).advanced(by: .seconds(seconds))
      let attested = AttestedAddress(Self.address, proof: attestor.proof(of: Self.address, at: now))
      #expect(
        attestor.isRight(attested, at: now) && attestor.isRight(attested, at: now.advanced(by: .seconds(59))))
    }
  }
}
