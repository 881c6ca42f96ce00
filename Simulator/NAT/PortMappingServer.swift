import WarrenMachine

/// The numbers of PCP and NAT-PMP, as a server needs them.
///
/// The clients have their own: shared code would let one mistake hide the other.
enum PortMappingServer {
  /// Where a gateway listens on its inside (RFC 6887, 19).
  static let port: UInt16 = 5351

  /// PCP's result codes (RFC 6887, 7.4).
  enum PCPResult: UInt8 {
    case success, unsupportedVersion, notAuthorized, malformedRequest, unsupportedOpcode, unsupportedOption
    case malformedOption, networkFailure, noResources, unsupportedProtocol, userExceedsQuota
    case cannotProvideExternal, addressMismatch
  }

  /// NAT-PMP's result codes (RFC 6886, 3.5).
  enum NATPMPResult: UInt8 {
    case success, unsupportedVersion, notAuthorized, networkFailure, outOfResources, unsupportedOpcode
  }
}

extension NATCore {
  /// The answer to a datagram at port 5351; nil where nothing listens or nothing is to be said.
  mutating func servePortMapping(_ request: Payload, from client: SocketAddress, at now: Instant) -> Payload?
  {
    let protocols = configuration.portMapping.protocols
    let bytes = request.bytes
    // Neither server answers an answer, or what is too short to be a request (RFC 6887, 8.2).
    guard bytes.count >= 2, bytes[1] < 128 else { return nil }
    switch bytes[0] {
    case 0 where protocols.contains(.natPMP) && client.ip.family == .v4:
      return serveNATPMP(bytes, from: client, at: now).map { Payload($0) }
    case _ where protocols.contains(.pcp):
      return servePCP(bytes, from: client, at: now).map { Payload($0) }
    case _ where protocols.contains(.natPMP) && client.ip.family == .v4:
      return Payload([0, 0, 0, PortMappingServer.NATPMPResult.unsupportedVersion.rawValue] + uptime(at: now))
    default: return nil
    }
  }

  /// Seconds since it was switched on.
  private func uptime(at now: Instant) -> [UInt8] {
    UInt32(truncatingIfNeeded: started.duration(to: now).components.seconds).bigEndianBytes
  }

  private func remaining(_ slot: Int, at now: Instant) -> UInt32 {
    UInt32(now.duration(to: table.mappings.elements[slot].expiry).components.seconds)
  }

  // MARK: NAT-PMP (RFC 6886, 3)

  private mutating func serveNATPMP(
    _ request: [UInt8], from client: SocketAddress, at now: Instant
  ) -> [UInt8]? {
    typealias Code = PortMappingServer.NATPMPResult
    func header(_ code: Code) -> [UInt8] { [0, request[1] | 128, 0, code.rawValue] + uptime(at: now) }
    switch request[1] {
    case 0:
      guard let address = address(on: .outside, .v4) else { return header(.networkFailure) + [0, 0, 0, 0] }
      return header(.success) + address.v4Bits.bigEndianBytes
    case 1, 2:
      guard request.count >= 12 else { return nil }
      let inside = SocketAddress(client.ip, port: request.number(at: 4))
      let transport: Transport = request[1] == 1 ? .udp : .tcp
      let lifetime: UInt32 = request.number(at: 8)
      let ports = Array(request[4..<6])
      if lifetime == 0 {
        for slot in explicitMappings(of: client.ip) {
          let mapping = table.mappings.elements[slot]
          if mapping.transport == transport, inside.port == 0 || mapping.inside.port == inside.port {
            remove(mapping: slot)
          }
        }
        return header(.success) + ports + [0, 0, 0, 0, 0, 0]
      }
      do throws(MappingRefusal) {
        let outside = try openExplicitly(
          transport, inside: inside, suggested: request.number(at: 6), insists: false,
          for: .seconds(Int64(lifetime)), at: now)
        let granted = explicitMapping(transport, inside: inside).map { remaining($0, at: now) } ?? 0
        return header(.success) + ports + outside.port.bigEndianBytes + granted.bigEndianBytes
      } catch {
        let code: Code = error == .notAuthorized ? .notAuthorized : .outOfResources
        return header(code) + ports + [0, 0, 0, 0, 0, 0]
      }
    default: return header(.unsupportedOpcode)
    }
  }

  // MARK: PCP (RFC 6887, 7, 8.2 and 11.3)

  private mutating func servePCP(
    _ request: [UInt8], from client: SocketAddress, at now: Instant
  ) -> [UInt8]? {
    typealias Code = PortMappingServer.PCPResult
    // An answer is the request with another header (8.2).
    func answer(_ code: Code, lifetime: UInt32, rest: [UInt8]? = nil) -> [UInt8] {
      let body = rest ?? Array(request.dropFirst(24).prefix(1100 - 24))
      let header = [2, request[1] | 128, 0, code.rawValue] + lifetime.bigEndianBytes + uptime(at: now)
      let padding = [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
      return header + [UInt8](repeating: 0, count: 12) + body + padding
    }
    guard request[0] == 2 else { return answer(.unsupportedVersion, lifetime: 1800) }
    guard request.count >= 24, request.count <= 1100, request.count % 4 == 0 else {
      return answer(.malformedRequest, lifetime: 1800)
    }
    guard IPAddress(pcp: request, at: 8) == client.ip else { return answer(.addressMismatch, lifetime: 1800) }
    switch request[1] {
    case 0: return answer(.success, lifetime: 0)
    case 1: break
    default: return answer(.unsupportedOpcode, lifetime: 1800)
    }
    guard request.count >= 60 else { return answer(.malformedRequest, lifetime: 1800) }
    // No option is known, and those below 128 must be (7.3).
    if request.count > 60, request[60] < 128 { return answer(.unsupportedOption, lifetime: 1800) }
    guard let transport = Transport(rawValue: request[36]), transport != .icmp else {
      return answer(.unsupportedProtocol, lifetime: 1800)
    }
    let inside = SocketAddress(client.ip, port: request.number(at: 40))
    let key = FlowKey(transport, inside, .everyone)
    let nonce = Array(request[24..<36])
    let slot = table.mapping(inside: key)
    if let slot, let known = mappingNonces[key], known != nonce {
      return answer(.notAuthorized, lifetime: remaining(slot, at: now))
    }
    let lifetime: UInt32 = request.number(at: 4)
    if lifetime == 0 {
      if let slot { remove(mapping: slot) }
      return answer(.success, lifetime: 0)
    }
    do throws(MappingRefusal) {
      let outside = try openExplicitly(
        transport, inside: inside, suggested: request.number(at: 42), insists: false,
        for: .seconds(Int64(lifetime)), at: now)
      mappingNonces[key] = nonce
      let granted = explicitMapping(transport, inside: inside).map { remaining($0, at: now) } ?? 0
      let rest = Array(request[24..<42]) + outside.port.bigEndianBytes + outside.ip.pcpBytes
      return answer(.success, lifetime: granted, rest: rest)
    } catch {
      switch error {
      case .notAuthorized: return answer(.notAuthorized, lifetime: 1800)
      case .quota: return answer(.userExceedsQuota, lifetime: 30)
      case .taken: return answer(.cannotProvideExternal, lifetime: 30)
      case .noPort: return answer(.noResources, lifetime: 30)
      }
    }
  }

  // MARK: UPnP (WANIPConnection:1, 2.4)

  /// Does what is asked for by UPnP.
  mutating func serveUPnP(
    _ request: UPnPRequest, from host: IPAddress, at now: Instant
  ) -> Result<UPnPGateway, UPnPError> {
    let service = configuration.portMapping
    guard service.protocols.contains(.upnp), let own = address(on: .inside, .v4) else {
      return .failure(.noGateway)
    }
    let gateway = UPnPGateway(address: own, outsideAddress: address(on: .outside, .v4))
    switch request {
    case .discover: return .success(gateway)
    case .unmap(let transport, let port):
      let outside = SocketAddress(ports.pool.first ?? host, port: port)
      guard let slot = explicitMapping(Transport(transport), outside: outside),
        table.mappings.elements[slot].inside.ip == host
      else { return .failure(.refused(code: 714)) }
      remove(mapping: slot)
      return .success(gateway)
    case .map(let transport, let port, let local, let lifetime):
      if service.grantsOnlyForEver, lifetime != 0 { return .failure(.refused(code: 725)) }
      do throws(MappingRefusal) {
        _ = try openExplicitly(
          Transport(transport), inside: SocketAddress(host, port: local), suggested: port, insists: true,
          for: lifetime == 0 ? .seconds(Int64(Int32.max)) : .seconds(Int64(lifetime)), at: now)
        return .success(gateway)
      } catch {
        switch error {
        case .notAuthorized: return .failure(.refused(code: 606))
        case .taken: return .failure(.refused(code: 718))
        case .quota, .noPort: return .failure(.refused(code: 728))
        }
      }
    }
  }

}

// MARK: Numbers on the wire

extension Transport {
  init(_ other: TransportProtocol) { self = other == .tcp ? .tcp : .udp }
}

extension FixedWidthInteger {
  fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

extension [UInt8] {
  fileprivate func number<Number: FixedWidthInteger>(at place: Int) -> Number {
    self[place..<place + Number.bitWidth / 8].reduce(0) { $0 << 8 | Number($1) }
  }
}

extension IPAddress {
  /// The address in the 16 bytes of PCP, where IPv4 is written as IPv4 in IPv6 (RFC 6887, 5).
  fileprivate init(pcp bytes: [UInt8], at place: Int) {
    self = IPAddress(v6: bytes.number(at: place), bytes.number(at: place + 8)).canonical
  }

  fileprivate var pcpBytes: [UInt8] {
    family == .v6
      ? high.bigEndianBytes + low.bigEndianBytes
      : [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + v4Bits.bigEndianBytes
  }
}
