import Testing
import WarrenSTUN

@Suite("A transaction id")
struct TransactionIDTests {
  @Test("is drawn from the chance it is given")
  func chance() {
    var random = SystemRandomNumberGenerator()
    #expect(TransactionID(using: &random) != TransactionID(using: &random))
    #expect(TransactionID(1, 2) == TransactionID(1, 2))
  }
}
