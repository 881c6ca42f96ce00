import Warren

/// Gives an agent packets, some of them signed as the peer would, time, and candidates.
func fuzzICE(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let first = input.byte()
  var configuration = first & 1 == 0 ? ICEConfiguration.eager : .standard
  configuration.isLite = first & 2 != 0
  let credentials = ICECredentials(usernameFragment: "ours", password: "our own password 12345")
  var core = ICECore(
    configuration, role: first & 4 == 0 ? .controlling : .controlled, credentials: credentials,
    random: FuzzRandom())
  var now = Instant(nanoseconds: 1)
  let local = SocketAddress(IPAddress(10, 0, 0, 1), port: 4000)
  let base = core.addBase(.init(Candidate(.host, at: local, priority: 100, foundation: "1")), at: now)
  core.setRemote(
    ICEDescription(usernameFragment: "them", password: "their own password 123", isLite: first & 8 != 0),
    at: now)
  var message = STUNMessageWriter()
  var asked: [TransactionID] = []
  var steps = 0
  while !input.isEmpty, steps < 200 {
    steps += 1
    let kind = input.byte()
    let source = SocketAddress(
      IPAddress(v4: 0x0A00_0000 + UInt32(input.byte() % 8)), port: UInt16(input.byte()))
    switch kind % 5 {
    case 0: _ = core.receive(input.block().span.bytes, on: base, from: source, at: now)
    case 1:
      write(&message, kind, &input, asked)
      _ = core.receive(message.bytes, on: base, from: source, at: now)
    case 2:
      core.addRemote(
        Candidate(.host, at: source, priority: UInt32(kind) + 1, foundation: "\(kind)"), at: now)
    case 3: core.suspect(source, on: base, at: now)
    default:
      now = core.nextDeadline.map { max(now, $0) } ?? now
      core.handleDeadline(at: now)
    }
    var sent = 0
    while core.pollTransmit(into: &message, at: now) != nil {
      sent += 1
      precondition(sent < 500, "it sends without end")
      if let own = try? STUNMessage(message.bytes) { asked.append(own.transactionID) }
    }
    while core.pollEvent() != nil {}
  }
  precondition(core.openPaths.count <= ICELimits.pairs)
}

/// A message as the peer would sign it, with attributes as the input has them.
private func write(
  _ message: inout STUNMessageWriter, _ kind: UInt8, _ input: inout Input, _ asked: [TransactionID]
) {
  var random = FuzzRandom()
  let id = asked.isEmpty ? TransactionID(using: &random) : asked[Int(input.byte()) % asked.count]
  let isAnswer = kind & 64 != 0
  message.begin(isAnswer ? (kind & 32 == 0 ? .success : .failure) : .request, .binding, id)
  if !isAnswer { message.add(.username, "ours:them") }
  for _ in 0..<Int(input.byte() % 6) {
    switch input.byte() % 6 {
    case 0: message.add(.priority, UInt32(input.byte()))
    case 1: message.add(.useCandidate)
    case 2: message.add(.iceControlled, UInt64(input.byte()))
    case 3: message.add(.iceControlling, UInt64(input.byte()))
    case 4:
      message.add(.xorMappedAddress, masked: SocketAddress(IPAddress(v4: UInt32(input.byte())), port: 7))
    default: message.add(.roleConflict)
    }
  }
  message.sign(with: STUNKey(password: isAnswer ? "their own password 123" : "our own password 12345"), .sha1)
  message.addFingerprint()
}
