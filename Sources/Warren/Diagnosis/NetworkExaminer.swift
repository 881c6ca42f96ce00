import WarrenMachine
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

/// Finds out what stands between a machine and others, and what follows from that.
///
/// ```swift
/// var configuration = Peer.Configuration()
/// configuration.registry = registry
/// let report = try await NetworkExaminer(on: machine).examine(configuration)
/// for outlook in report.outlooks { print(outlook.peer, outlook.way) }
/// ```
///
/// It asks the registry, STUN servers, relays and routers that a peer so configured would use, and nobody else.
public actor NetworkExaminer {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  /// An examiner of a machine.
  public init(on machine: any Machine) { self.machine = machine }

  /// Examines the network, for some ten seconds at most.
  ///
  /// - Parameters:
  ///   - configuration: of a peer that would connect.
  ///   - portal: the address of a page whose right answer is to be empty (204): see ``PortalCheck``.
  ///   - asksRouter: whether a router is asked to open a port, for a moment.
  ///   - measuresLifetime: whether it is found out how long NATs keep silent mappings: that takes some minutes.
  public func examine(
    _ configuration: Peer.Configuration, portal: PortalCheck? = nil, asksRouter: Bool = true,
    measuresLifetime: Bool = false
  ) async throws -> NetworkReport {
    var report = NetworkReport()
    report.families = try ownFamilies(configuration)
    let machine = machine
    let families = report.families
    async let registry = askRegistry(configuration)
    async let mapping = asksRouter ? askRouter() : nil
    async let page = portal?.run(on: machine)
    let servers = await servers(of: configuration)
    for place in families.indices {
      report.families[place].nat = try await lookAtNAT(
        families[place], servers, measuresLifetime: measuresLifetime)
    }
    report.registry = try await registry
    report.portMapping = try await mapping
    report.portal = try await page
    var relays = configuration.relays
    if let view = try? report.registry?.get() { relays += view.relays }
    for relay in relays.prefix(PeerLimits.relays) { report.relays.append(try await ask(relay)) }
    return report
  }

  private func ownFamilies(_ configuration: Peer.Configuration) throws -> [NetworkReport.Family] {
    let interfaces = try machine.interfaces().filter { configuration.usesLoopback || !$0.isLoopback }
    let ips = interfaces.flatMap(\.addresses).map(\.ip).filter { !$0.isLinkLocal }
    return configuration.families.compactMap { family in
      let own = ips.filter { $0.family == family }
      return own.isEmpty ? nil : NetworkReport.Family(family: family, addresses: own)
    }
  }

  /// Who can be asked where this machine is seen: those that were named first, as they may know more.
  private func servers(of configuration: Peer.Configuration) async -> [SocketAddress] {
    var servers = configuration.stunServers
    if let registry = configuration.registry, let ips = try? await machine.resolve(registry.host) {
      servers += ips.map { SocketAddress($0, port: registry.port) }
    }
    return servers
  }

  private func lookAtNAT(
    _ family: NetworkReport.Family, _ servers: [SocketAddress], measuresLifetime: Bool
  ) async throws -> Result<NATReport, NATDiscoveryError>? {
    let servers = servers.filter { $0.ip.family == family.family }
    var failure: NATDiscoveryError?
    for server in servers.prefix(DiagnosisLimits.servers) {
      do {
        var report = try await NATDiscovery(on: machine).discover(
          asking: server, measuresLifetime: measuresLifetime)
        // What one server alone cannot see, two can.
        if report.isTranslated, report.mapping == nil {
          report.mapping = try await MappingComparison(on: machine).run(asking: servers)
        }
        return .success(report)
      } catch let error as NATDiscoveryError {
        // That nothing gets through at all tells less than that UDP alone does not.
        if case .udpBlocked? = failure {} else { failure = error }
      } catch is NetworkError {
        failure = failure ?? .noNetwork(family.family)
      }
    }
    return failure.map { .failure($0) }
  }

  private func askRegistry(_ configuration: Peer.Configuration) async throws -> Result<
    RegistryView, PeerError
  >? {
    guard configuration.registry != nil else { return nil }
    var configuration = configuration
    configuration.isListed = false
    configuration.name = nil
    configuration.policy = .nobody
    // Somebody else may have the port that is meant.
    configuration.port = 0
    do {
      let peer = try Peer(configuration, on: machine)
      do {
        try await peer.start()
        let view = try await peer.registryView()
        await peer.close()
        return .success(view)
      } catch {
        await peer.close()
        throw error
      }
    } catch let error as PeerError {
      return .failure(error)
    } catch let error as NetworkError {
      return .failure(PeerError(.noNetwork, "\(error)"))
    }
  }

  private func askRouter() async throws -> Result<PortMapping, PortMappingError>? {
    guard let socket = try? machine.bindUDP(to: .any(.v4)) else { return nil }
    defer { socket.close() }
    let mapper = PortMapper(on: machine)
    do {
      let mapping = try await mapper.map(port: socket.localAddress.port)
      await mapper.close()
      return .success(mapping)
    } catch let error as PortMappingError {
      await mapper.close()
      return .failure(error)
    }
  }

  private func ask(_ relay: RelayServerAddress) async throws -> NetworkReport.Relay {
    let start = machine.now
    do {
      let socket = try await RelayClient.allocate(at: [relay], on: machine)
      let time = start.duration(to: machine.now)
      socket.close()
      return NetworkReport.Relay(server: relay, outcome: .success(time))
    } catch let error as RelayError {
      return NetworkReport.Relay(server: relay, outcome: .failure(error))
    }
  }
}
