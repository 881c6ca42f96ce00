import WarrenMachine

/// Answers what somebody's address is, from one or two addresses of its own, with no memory of anyone.
///
/// It answers requests only, so that no answer is ever answered, and never to an address of its own. An answer holds
/// no more than was asked for: who asks for nothing besides gets their address and, where there is one, the server's
/// other address (RFC 8489; RFC 5780, 6).
public struct STUNServerCore: Sendable {
  /// Where it is to be reached.
  public struct Addresses: Hashable, Sendable {
    /// The address that everybody knows.
    public var primary: SocketAddress
    /// An address that differs in both IP and port, for those who want to know what their NAT does.
    public var alternate: SocketAddress?

    /// One address, or two.
    public init(primary: SocketAddress, alternate: SocketAddress? = nil) {
      self.primary = primary
      self.alternate = alternate
    }

    /// Every IP with every port: four where there is an alternate.
    public var all: [SocketAddress] {
      guard let alternate else { return [primary] }
      return [
        primary, SocketAddress(primary.ip, port: alternate.port),
        SocketAddress(alternate.ip, port: primary.port),
        alternate,
      ]
    }

    /// The address that differs from `address` in both IP and port.
    func opposite(of address: SocketAddress) -> SocketAddress? {
      guard let alternate else { return nil }
      return SocketAddress(
        address.ip == primary.ip ? alternate.ip : primary.ip,
        port: address.port == primary.port ? alternate.port : primary.port)
    }
  }

  /// Where an answer goes, and from which of the server's addresses.
  public struct Route: Hashable, Sendable {
    /// Whom it is for.
    public var destination: SocketAddress
    /// The address that it must leave from.
    public var source: SocketAddress

    /// A way for an answer.
    public init(destination: SocketAddress, source: SocketAddress) {
      self.destination = destination
      self.source = source
    }
  }

  /// What has come and gone.
  public struct Counters: Hashable, Sendable {
    /// Requests that were answered with an address.
    public var answers = 0
    /// Requests that were refused with an error.
    public var refusals = 0
    /// What was no message, or no request, or could not be answered to its source.
    public var ignored = 0

    /// These counts.
    public init(answers: Int = 0, refusals: Int = 0, ignored: Int = 0) {
      self.answers = answers
      self.refusals = refusals
      self.ignored = ignored
    }
  }

  /// Where it is to be reached.
  public let addresses: Addresses
  /// What has come and gone.
  public private(set) var counters = Counters()
  /// What is given to those who want it in writing where they were seen.
  public var attest: (@Sendable (SocketAddress) -> UInt64)?

  /// Whether it answers to another port of the asker's although it has no other address: so it can be found out how long a
  /// mapping lives (RFC 5780, 4.6), and nothing else.
  public var answersOtherPorts = false

  /// A server at these addresses.
  public init(_ addresses: Addresses) { self.addresses = addresses }

  /// Takes a datagram that came to the server's address `local`, and writes the answer if there is to be one.
  public mutating func receive(
    _ bytes: RawSpan, from source: SocketAddress, at local: SocketAddress,
    into answer: inout STUNMessageWriter
  ) -> Route? {
    guard let request = try? STUNMessage(bytes), request.messageClass == .request, canAnswer(source) else {
      counters.ignored += 1
      return nil
    }
    guard request.method == .binding else {
      return refuse(request, .badRequest, source, local, into: &answer)
    }
    guard !request.hasUnknown(besides: STUNServerCore.understands) else {
      return refuse(request, .unknownAttribute, source, local, into: &answer)
    }
    return succeed(request, source, local, into: &answer)
  }

  /// Takes a request that came over a connection, on which addresses and ports are what they are (RFC 5780, 4.6).
  public mutating func receiveOnStream(
    _ bytes: RawSpan, from source: SocketAddress, at local: SocketAddress,
    into answer: inout STUNMessageWriter
  ) -> Bool {
    guard let request = try? STUNMessage(bytes), request.messageClass == .request else {
      counters.ignored += 1
      return false
    }
    if request.method != .binding || request.has(.changeRequest) || request.has(.responsePort) {
      return refuse(request, .badRequest, source, local, into: &answer) != nil
    }
    if request.hasUnknown(besides: STUNServerCore.understands) {
      return refuse(request, .unknownAttribute, source, local, into: &answer) != nil
    }
    return succeed(request, source, local, into: &answer) != nil
  }

  /// Whether an answer to `source` reaches somebody else than this server, and one machine only.
  private func canAnswer(_ source: SocketAddress) -> Bool {
    let ip = source.ip.canonical
    return source.port != 0 && ip.isUnicast
      && !addresses.all.contains { $0.ip.canonical == ip && $0.port == source.port }
  }

  private static func understands(_ attribute: STUNAttribute) -> Bool {
    switch attribute {
    // A signature for nobody in particular is none of this server's business.
    case .username, .messageIntegrity, .messageIntegritySHA256, .realm, .nonce, .userhash, .passwordAlgorithm,
      .changeRequest, .padding, .responsePort, .priority, .useCandidate:
      true
    default: false
    }
  }
}

// MARK: Answers

extension STUNServerCore {
  private mutating func succeed(
    _ request: borrowing STUNMessage, _ source: SocketAddress, _ local: SocketAddress,
    into answer: inout STUNMessageWriter
  ) -> Route? {
    guard let route = route(for: request, source, local) else {
      return refuse(request, .unknownAttribute, source, local, into: &answer)
    }
    counters.answers += 1
    answer.beginAnswer(.success, to: request)
    answer.add(.xorMappedAddress, masked: source)
    if let other = addresses.opposite(of: local) {
      answer.add(.otherAddress, plain: other)
      if request.has(.changeRequest) { answer.add(.responseOrigin, plain: route.source) }
    }
    // It holds as much as the question's, so that nobody gets more than he has sent.
    // And it is for whoever is there, not for another port.
    if let attest, !request.has(.responsePort), request.longNumber(.attestation) != nil {
      answer.add(.attestation, attest(source))
    }
    if let padding = request.value(of: .padding) {
      // As much as was sent, no more: it is the asker who pays first.
      answer.add(.padding, padding.extracting(first: min(padding.byteCount, STUNLimits.padding)))
    }
    if request.hasFingerprint { answer.addFingerprint() }
    return route
  }

  /// Where the answer leaves from and goes to; nil where the request wants an address that is not there.
  private func route(
    for request: borrowing STUNMessage, _ source: SocketAddress, _ local: SocketAddress
  ) -> Route? {
    var route = Route(destination: source, source: local)
    if request.has(.changeRequest) {
      guard let flags = request.number(.changeRequest) else { return nil }
      let (otherIP, otherPort) = (flags & 4 != 0, flags & 2 != 0)
      if otherIP || otherPort {
        guard let opposite = addresses.opposite(of: local) else { return nil }
        if otherIP { route.source.ip = opposite.ip }
        if otherPort { route.source.port = opposite.port }
      }
    }
    // Who does not say that it does so, or has two addresses, does not (RFC 5780, 7.5).
    if request.has(.responsePort) {
      guard takesResponsePort, let value = request.number(.responsePort) else { return nil }
      route.destination.port = UInt16(value >> 16)
      guard canAnswer(route.destination) else { return nil }
    }
    return route
  }

  private var takesResponsePort: Bool { addresses.alternate != nil || answersOtherPorts }

  private mutating func refuse(
    _ request: borrowing STUNMessage, _ code: STUNErrorCode, _ source: SocketAddress, _ local: SocketAddress,
    into answer: inout STUNMessageWriter
  ) -> Route? {
    counters.refusals += 1
    answer.beginAnswer(.failure, to: request)
    answer.add(code, saysReason: false)
    if code == .unknownAttribute {
      let (hasOther, takesPort) = (addresses.alternate != nil, takesResponsePort)
      answer.addUnknownAttributes(of: request) { attribute in
        // Without another address, the wish for one is what was not understood (RFC 5780, 6.1).
        STUNServerCore.understands(attribute)
          && (hasOther || attribute != .changeRequest) && (takesPort || attribute != .responsePort)
      }
    }
    if request.hasFingerprint { answer.addFingerprint() }
    return Route(destination: source, source: local)
  }
}
