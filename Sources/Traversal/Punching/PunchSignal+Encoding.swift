import WarrenMachine

extension PunchSignal {
  /// What a signal begins with: another number is another layout.
  public static let version: UInt8 = 1

  /// A signal as bytes, numbers as networks write them: version, kind, name, name that is answered; then what the kind says. Texts stand
  /// behind their length in two bytes.
  public var encoded: [UInt8] {
    [UInt8](rawCapacity: PunchLimits.signalBytes) { output in
      output.append(number: Self.version)
      output.append(number: kind)
      output.append(text: usernameFragment ?? "")
      output.append(text: answering ?? "")
      content.encode(into: &output)
    }
  }

  /// The signal in these bytes.
  public init(decoding bytes: RawSpan) throws(PunchSignalError) {
    guard bytes.byteCount <= PunchLimits.signalBytes else { throw .length }
    var input = WireReader(bytes)
    let version = input.take(UInt8.self)
    if input.isOverrun { throw .length }
    guard version == Self.version else { throw .version(version) }
    let kind = input.take(UInt8.self)
    let (name, answered) = (input.takeText(), input.takeText())
    for name in [name, answered] where !name.isEmpty && !ICECredentials.isUsernameFragment(name) {
      throw .malformed(.name)
    }
    let content = try Content(&input, kind: kind)
    guard input.isAtEnd else { throw .length }
    self.init(content, of: name.isEmpty ? nil : name, answering: answered.isEmpty ? nil : answered)
  }

  private var kind: UInt8 {
    switch content {
    case .description: 0
    case .candidate: 1
    case .complete: 2
    case .ports: 3
    case .search: 4
    }
  }
}

extension PunchSignal.Content {
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    switch self {
    case .description(let description): description.encode(into: &output)
    case .candidate(let candidate): candidate.encode(into: &output)
    case .complete: break
    case .ports(let report): report.encode(into: &output)
    case .search(let plan, let round):
      output.append(number: round)
      plan.encode(into: &output)
    }
  }

  fileprivate init(_ input: inout WireReader, kind: UInt8) throws(PunchSignalError) {
    switch kind {
    case 0: self = .description(try ICEDescription(&input))
    case 1: self = .candidate(try Candidate(&input))
    case 2: self = .complete
    case 3: self = .ports(try PortReport(&input))
    case 4:
      let round = input.take(UInt8.self)
      let bytes = input.take(count: SearchPlan.encodedSize)
      if input.isOverrun { throw .length }
      guard let plan = SearchPlan(decoding: bytes.span.bytes) else { throw .malformed(.plan) }
      self = .search(plan, round: round)
    default: throw .malformed(.kind)
    }
  }
}

extension ICEDescription {
  /// Name, password, flags (1), milliseconds of pacing (2, of which all ones stand for none), options, candidates.
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    output.append(text: usernameFragment)
    output.append(text: password)
    output.append(number: (isLite ? 1 : 0) | (isComplete ? 2 : 0) as UInt8)
    let milliseconds = pacing.map { $0.wholeNanoseconds / 1_000_000 }
    output.append(number: milliseconds.map { UInt16(min(max($0, 0), 65_534)) } ?? .max)
    let options = options.prefix(PunchLimits.signalOptions)
    output.append(number: UInt8(options.count))
    for option in options { output.append(text: option) }
    let candidates = candidates.prefix(ICELimits.remoteCandidates)
    output.append(number: UInt8(candidates.count))
    for candidate in candidates { candidate.encode(into: &output) }
  }

  fileprivate init(_ input: inout WireReader) throws(PunchSignalError) {
    let (name, password) = (input.takeText(), input.takeText())
    let (flags, pacing) = (input.take(UInt8.self), input.take(UInt16.self))
    let optionCount = input.take(UInt8.self)
    guard flags <= 3 else { throw .malformed(.flags) }
    guard optionCount <= PunchLimits.signalOptions else { throw .malformed(.options) }
    var options: [String] = []
    for _ in 0..<optionCount {
      let option = input.takeText()
      guard input.isOverrun || SDPWords.areICECharacters(Substring(option).utf8) else {
        throw .malformed(.options)
      }
      options.append(option)
    }
    let count = input.take(UInt8.self)
    if input.isOverrun { throw .length }
    guard count <= ICELimits.remoteCandidates else { throw .malformed(.candidate) }
    var candidates: [Candidate] = []
    for _ in 0..<count { candidates.append(try Candidate(&input)) }
    self.init(
      usernameFragment: name, password: password, isLite: flags & 1 != 0,
      pacing: pacing == .max ? nil : .milliseconds(Int(pacing)), options: options, candidates: candidates,
      isComplete: flags & 2 != 0)
    guard ICECredentials.isUsernameFragment(name) else { throw .malformed(.name) }
    guard ICECredentials.isPassword(password) else { throw .malformed(.password) }
  }
}

extension Candidate {
  /// Kind, transport (1 each), component (2), priority (4), foundation, address, related address.
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    output.append(number: kind.rawValue)
    output.append(number: transport.rawValue)
    output.append(number: component)
    output.append(number: priority)
    output.append(text: foundation)
    output.append(address: address)
    output.append(address: relatedAddress)
  }

  fileprivate init(_ input: inout WireReader) throws(PunchSignalError) {
    let (kind, transport) = (Kind(rawValue: input.take()), Transport(rawValue: input.take()))
    let (component, priority) = (input.take(UInt16.self), input.take(UInt32.self))
    let foundation = input.takeText()
    let (address, related) = (input.takeAddress(), input.takeAddress())
    if input.isOverrun { throw .length }
    guard let kind, let transport, (1...32).contains(foundation.utf8.count),
      SDPWords.areICECharacters(Substring(foundation).utf8), let address = address ?? nil, let related
    else { throw .malformed(.candidate) }
    self.init(
      kind, over: transport, at: address, relatedTo: related, component: component, priority: priority,
      foundation: foundation)
  }
}

extension PortReport {
  /// What stands for a filtering that is not known.
  private static let unknownFiltering: UInt8 = 3

  /// Filtering, round, flags (1 each), pinned port (2), milliseconds since the samples (4), model.
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    output.append(number: filtering?.rawValue ?? Self.unknownFiltering)
    output.append(number: round)
    output.append(number: (pinned == nil ? 0 : 1) | (permitsExhaustive ? 2 : 0) as UInt8)
    output.append(number: pinned ?? 0)
    output.append(number: UInt32(clamping: sampleAge.wholeNanoseconds / 1_000_000))
    model.encode(into: &output)
  }

  fileprivate init(_ input: inout WireReader) throws(PunchSignalError) {
    let filter = input.take(UInt8.self)
    let round = input.take(UInt8.self)
    let (flags, port) = (input.take(UInt8.self), input.take(UInt16.self))
    let age = input.take(UInt32.self)
    let model = PortModel(&input)
    if input.isOverrun { throw .length }
    guard flags <= 3 else { throw .malformed(.flags) }
    let filtering = NATKind.Dependence(rawValue: filter)
    guard filtering != nil || filter == Self.unknownFiltering, let model else { throw .malformed(.model) }
    self.init(
      model: model, filtering: filtering, sampleAge: .milliseconds(Int(age)), round: round,
      pinned: flags & 1 != 0 ? port : nil, permitsExhaustive: flags & 2 != 0)
  }
}

extension OutputRawSpan {
  @_lifetime(self: copy self)
  fileprivate mutating func append(text: String) {
    let bytes = text.utf8.prefix(256)
    append(number: UInt16(bytes.count))
    for byte in bytes { append(byte) }
  }

  /// The family (0 for no address, 4 or 6), the address, the port. A zone is nobody else's business.
  @_lifetime(self: copy self)
  fileprivate mutating func append(address: SocketAddress?) {
    switch address?.ip.family {
    case nil: return append(number: 0 as UInt8)
    case .v4:
      append(number: 4 as UInt8)
      append(number: address!.ip.v4Bits)
    case .v6:
      append(number: 6 as UInt8)
      append(number: address!.ip.high)
      append(number: address!.ip.low)
    }
    append(number: address!.port)
  }
}

extension WireReader {
  /// An address, or none; nil if it is neither.
  fileprivate mutating func takeAddress() -> SocketAddress?? {
    switch take(UInt8.self) {
    case 0: return .some(nil)
    case 4:
      let ip = IPAddress(v4: take())
      return SocketAddress(ip, port: take())
    case 6:
      let ip = IPAddress(v6: take(), take())
      return SocketAddress(ip, port: take())
    default: return nil
    }
  }
}
