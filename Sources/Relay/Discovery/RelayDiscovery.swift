import WarrenMachine
import WarrenTLS

/// How relays are found (RFC 8155): those that are named, those that a domain names in the DNS, and the nearest.
///
/// ```swift
/// var discovery = RelayDiscovery(domain: "example.org")
/// (discovery.username, discovery.password) = ("alice", "open sesame")
/// let relay = try await RelayClient.allocate(at: discovery.servers(on: machine), on: machine)
/// ```
///
/// Of a domain its SRV records are asked for, `_turn._udp`, `_turn._tcp` and `_turns._tcp` (RFC 5928). NAPTR records, with which
/// a domain could say that it likes one of these better, are not: hardly any domain has them, and all that are there are tried.
public struct RelayDiscovery: Hashable, Sendable {
  /// Relays that are known already: they come first.
  public var configured: [RelayServerAddress] = []
  /// The domain whose relays are wanted: of whoever runs this network, or of this program's provider.
  public var domain: String?
  /// Whether the nearest relay is asked for, at the address that all such have in common: there is one in few networks, and
  /// elsewhere what is asked goes astray.
  public var usesAnycast = false
  /// As whom those that are found are asked; nobody, where a network's own relay takes everyone.
  public var username = ""
  /// How they are shown that it is so.
  public var password = ""
  /// Who must vouch for those that are found, over TLS: see ``RelayServerAddress/authorities``.
  public var authorities: TLSAuthorities? = .system
  /// Which name servers are asked; nil for those of the machine.
  public var nameServers: [SocketAddress]?

  /// The relays of a domain.
  public init(domain: String? = nil) { self.domain = domain }

  /// Where the nearest relay is asked for (RFC 8155, 8.1 and 8.2).
  public static let anycastAddresses = [IPAddress(192, 0, 0, 170), IPAddress(v6: 0x2001_0001_0000_0000, 2)]

  /// The relays, in the order in which they are to be tried.
  ///
  /// - Throws: a ``RelayError`` where there are none at all.
  public func servers(on machine: any Machine) async throws -> [RelayServerAddress] {
    if !machine.isOnExecutor { return try await machine.run("relays") { try await servers(on: machine) } }
    var found = configured
    var failure = RelayError(.noServers)
    if let domain {
      do { found += try await servers(of: domain, on: machine) } catch let error as CancellationError {
        throw error
      } catch {
        failure = RelayError(error)
      }
    }
    // The first request, which is all that goes there, is a datagram: the answer is where to go on (RFC 8155, 6).
    if usesAnycast { found += Self.anycastAddresses.map { server(at: "\($0)", port: nil, .udp) } }
    if found.isEmpty { throw failure }
    return found
  }

  private func servers(of domain: String, on machine: any Machine) async throws -> [RelayServerAddress] {
    var nameServers = NameServers(self.nameServers ?? machine.nameServers(), on: machine)
    var random = machine.random
    var found: [RelayServerAddress] = []
    var failure: (any Error)?
    for (service, transport) in Self.services where failure == nil {
      guard let name = DNSName("\(service).\(domain)") else {
        throw RelayError(.noServers, reason: "\(quoted(domain)) is no domain")
      }
      var records: [ServiceRecord] = []
      do { records = try await nameServers.services(name) } catch let error as CancellationError {
        throw error
      } catch {
        failure = error
      }
      for record in records.inOrder(using: &random)
      where record.port != 0 && !record.target.isRoot && record.target.isPlain {
        var server = server(at: record.target.description, port: record.port, transport)
        // Whoever answers for the name server could name another: the certificate must be the domain's.
        server.certificateName = transport == .tls ? domain : nil
        if !found.contains(server) { found.append(server) }
      }
    }
    if found.isEmpty {
      throw failure ?? RelayError(.noServers, reason: "\(quoted(domain)) names none in the DNS")
    }
    return found
  }

  private static let services: [(String, RelayServerAddress.Transport)] = [
    ("_turn._udp", .udp), ("_turn._tcp", .tcp), ("_turns._tcp", .tls),
  ]

  private func server(
    at host: String, port: UInt16?, _ transport: RelayServerAddress.Transport
  ) -> RelayServerAddress {
    var server = RelayServerAddress(
      host: host, port: port, transport: transport, username: username, password: password)
    server.authorities = authorities
    return server
  }
}
