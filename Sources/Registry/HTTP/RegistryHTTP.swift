import WarrenCrypto
import WarrenMachine

/// What the registry says over HTTP: a request in, an answer out.
///
/// `POST /register`, `GET /peer?id=` and `GET /peers` take and give the JSON of programs that have no keys, and know
/// nothing else than HTTP. Registering again is how they say that they are still there.
package struct RegistryHTTP: Sendable {
  /// What there is to ask for.
  package enum Path: String, CaseIterable, Sendable {
    case register = "/register"
    case peer = "/peer"
    case peers = "/peers"
    case healthz = "/healthz"
    case metrics = "/metrics"

    /// How it may be asked for. HEAD goes wherever GET does (RFC 9110, 9.1).
    var methods: [String] { self == .register ? ["POST"] : ["GET", "HEAD"] }
  }

  private let registry: Registry
  private let otherMetrics: @Sendable () async -> [Metric]

  /// The face of a registry.
  ///
  /// - Parameter otherMetrics: what `/metrics` tells besides how the registry is doing.
  package init(of registry: Registry, otherMetrics: @escaping @Sendable () async -> [Metric] = { [] }) {
    self.registry = registry
    self.otherMetrics = otherMetrics
  }

  /// The answer to a request.
  ///
  /// - Parameter client: from where it came.
  package func respond(to request: HTTPRequest, from client: IPAddress) async -> HTTPResponse {
    do throws(HTTPError) {
      guard let path = Path(rawValue: request.path) else {
        throw HTTPError(
          .notFound, "there is \(Path.allCases.map(\.rawValue).joined(separator: ", ")), and nothing else")
      }
      guard path.methods.contains(request.method) else { return refused(path.methods) }
      switch path {
      case .register: return try await register(request, from: client)
      case .peer: return try await peer(request)
      case .peers: return try await peers(request)
      case .healthz:
        // The store answers, or nobody does.
        _ = await registry.count
        return HTTPResponse(["status": "ok"])
      case .metrics:
        let metrics = await registry.metrics + otherMetrics()
        return HTTPResponse(
          Array(metrics.prometheusText.utf8), as: "text/plain; version=0.0.4; charset=utf-8")
      }
    } catch {
      return HTTPResponse(error)
    }
  }

  /// RFC 9110, 15.5.6.
  private func refused(_ methods: [String]) -> HTTPResponse {
    let allowed = methods.joined(separator: ", ")
    var response = HTTPResponse(HTTPError(.methodNotAllowed, "this is asked for with \(allowed)"))
    response.fields.append(HTTPField("Allow", allowed))
    return response
  }

  // MARK: Registering

  private func register(_ request: HTTPRequest, from client: IPAddress) async throws(HTTPError)
    -> HTTPResponse
  {
    guard request.hasBody else {
      throw HTTPError(.lengthRequired, "send {\"id\", \"candidates\"} as JSON, and its Content-Length")
    }
    do throws(RegistryError) {
      let peer = try PeerJSON(request.body)
      // Whoever asks for an id that is a key means that key, and nobody who has only taken it for a name.
      guard PeerID(peer.id) == nil else {
        throw RegistryError(.badName, "an id that is a key is only its owner's, who proves it elsewhere")
      }
      let name = try RegistryName(peer.id)
      let addresses = try peer.addresses()
      try registry.check(addresses)
      let kept = addresses.filter { Self.mayBeReached(at: $0.ip, client) }
      guard !kept.isEmpty || addresses.isEmpty else {
        throw RegistryError(
          .badAddress, "none of these addresses is this client's, which is \(client.canonical) from here")
      }
      try await registry.register(Registration(of: .address(client.subscriber, name), named: name, at: kept))
      let ignored = addresses.filter { !kept.contains($0) }
      guard !ignored.isEmpty else { return HTTPResponse(["status": "registered"]) }
      return HTTPResponse(["status": "registered", "ignored": .list(ignored.map { .text($0.description) })])
    } catch {
      throw HTTPError(error)
    }
  }

  /// Whether others may be sent to an address because of a client that proves nothing: they send to each candidate, several
  /// times and again every 5 s, so that anybody's address there would make them an attacker's.
  ///
  /// Clients register what a STUN server saw, which is what is seen here too, and their interfaces' addresses, which are
  /// private or the same. The others are left out and named in the answer, and the registration is not refused for them:
  /// a machine with two ways to the internet, or a tunnel, has such, and can be reached at the rest.
  private static func mayBeReached(at address: IPAddress, _ client: IPAddress) -> Bool {
    let ip = address.canonical
    return ip.subscriber == client.subscriber || ip.isPrivate || ip.isCarrierShared || ip.isLinkLocal
      || ip.isLoopback
  }

  // MARK: Finding

  private func peer(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
    guard let id = request.parameter("id"), !id.isEmpty else {
      throw HTTPError(.badRequest, "say whom to look for: /peer?id=…")
    }
    let found: Registration?
    if let key = PeerID(id) {
      found = await registry.find(.key(key))
    } else {
      do throws(RegistryError) { found = await registry.find(try RegistryName(id)) } catch {
        throw HTTPError(error)
      }
    }
    guard let found else { throw HTTPError(.notFound, "nobody is registered as \(quoted(id))") }
    return HTTPResponse(.peer(found))
  }

  private func peers(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
    var start: RegistryPage.Start?
    if let text = request.parameter("from") {
      guard let place = Int(text), place >= 0 else { throw HTTPError(.badRequest, "from is a number") }
      start = RegistryPage.Start(place: place)
    }
    var peers: [JSONValue] = []
    repeat {
      let page = await registry.list(from: start, limit: HTTPLimits.listed - peers.count)
      peers += page.registrations.map { .peer($0) }
      start = page.next
    } while start != nil && peers.count < HTTPLimits.listed
    var response = HTTPResponse(.list(peers))
    // RFC 8288.
    if let start { response.fields.append(HTTPField("Link", "</peers?from=\(start.place)>; rel=\"next\"")) }
    return response
  }
}
