import Warren

/// Hears what a node of the original may say, on either side of a connection; what is noticed is the same however it is cut, and
/// nothing that is read is more than is permitted.
func fuzzPlaintext(_ bytes: [UInt8]) {
  for role in [PlainLinkCore.Role.accepted, .dialled] {
    let whole = events(of: role, in: [bytes])
    precondition(whole == events(of: role, in: bytes.map { [$0] }))
    for event in whole {
      switch event {
      case .bytes(let bytes): precondition(bytes.count <= 512)
      case .text(let text):
        precondition(text.withoutOuterSpace == text && !text.utf8.contains(10))
        guard let bytes = try? PlainWord.text(text).encoded() else { preconditionFailure("it was no text") }
        precondition(bytes.dropLast().elementsEqual(text.utf8))
      case .peers(let peers):
        precondition(peers.allSatisfy { $0.port != 0 && $0.ip.isUnicast && !$0.ip.isLoopback })
      case .misunderstood(let error), .ended(let error): precondition(!error.reason.isEmpty)
      default: break
      }
    }
  }
}

private func events(of role: PlainLinkCore.Role, in pieces: [[UInt8]]) -> [PlainLinkCore.Event] {
  var settings = PlainLinkCore.Settings()
  settings.messageBytes = 512
  let now = Instant(nanoseconds: 0)
  guard let own = try? PlainGreeting(id: "00ff", name: "fuzz") else { preconditionFailure("that is a name") }
  var link = PlainLinkCore(role, with: IPAddress(192, 0, 2, 7), as: own, settings, at: now)
  var found: [PlainLinkCore.Event] = []
  for piece in pieces {
    link.receive(piece, at: now)
    while let event = link.pollEvent() {
      found.append(event)
      if event == .asked { link.accept(at: now) }
    }
  }
  return found
}
