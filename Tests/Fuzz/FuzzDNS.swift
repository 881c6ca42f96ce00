import Warren

@testable import WarrenRelay

/// What a name server says to a question that its first two bytes are the number of: reading it ends, and what is found is of use.
func fuzzDNS(_ bytes: [UInt8]) {
  guard bytes.count >= 2, let service = DNSName("_turn._udp.example.org") else { return }
  let question = DNSQuestion(service: service, id: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
  if case .services(let records) = DNSAnswer(bytes.span.bytes, to: question) {
    precondition(records.count <= DNSLimits.services)
    precondition(records.allSatisfy { $0.target.encoded.count <= DNSLimits.nameBytes })
    var random = FuzzRandom()
    precondition(records.inOrder(using: &random).count == records.count)
  }
  var place = 0
  if let name = DNSName(in: bytes.span.bytes, at: &place) {
    precondition(place <= bytes.count)
    var start = 0
    precondition(DNSName(in: name.encoded.span.bytes, at: &start) == name && start == name.encoded.count)
    if name.isPlain, !name.isRoot { precondition(DNSName(name.description) == name) }
  }
}
