import Warren
import WarrenSimulator

// Programs besides peers and the servers that they need.
extension Stage {
  func startNode(_ name: String, of mesh: String, on machine: SimulatedMachine) async throws {
    var configuration = Mesh.Configuration(mesh: mesh, name: name)
    configuration.peer = self.configuration(of: name, Program.PeerWishes())
    configuration.bootstraps = [.registry]
    let node = try Mesh(configuration, on: machine)
    meshes[name] = node
    meshTalk.begin(name, at: world.now)
    let all = Set(scenario.nodeNames(of: mesh).map(id(of:)))
    machine.spawn("what happens in \(mesh) to \(name)") {
      for await event in node.events {
        switch event {
        case .message(let message): self.meshTalk.heard(message, at: name, self.world.now)
        case .joined, .trusted:
          let known = Set(await node.members.filter(\.isThere).map(\.id))
          if known.isSuperset(of: all) { self.meshTalk.isWhole(for: name, at: self.world.now) }
        default: break
        }
        self.world.note("\(name): \(event)")
      }
    }
    try await node.start()
  }

  /// Has a node say something to all of its mesh.
  func broadcast(_ name: String) async {
    guard let mesh = meshes[name] else { return }
    do {
      try await mesh.broadcast(meshTalk.say(by: name, id(of: name), at: world.now))
    } catch {
      world.note("\(name) says nothing to its mesh: \(error)")
    }
  }

  func startEcho(_ name: String, on machine: SimulatedMachine) async throws {
    for ip in machine.ownAddresses.sorted().prefix(1) {
      let server = EchoServer(on: machine)
      try await server.start(at: SocketAddress(ip, port: EchoCall.port))
      echoServers[name] = server
    }
  }

  /// Has a machine ask an echo.
  func ask(_ name: String, _ echo: String, _ transport: TransportProtocol) async {
    let machine = world.machine(name)
    let place = echoes.count
    echoes.append(EchoCall(caller: name, echo: echo, transport: transport))
    let server = SocketAddress(world.machine(echo).ownAddresses.sorted()[0], port: EchoCall.port)
    let client = EchoClient(on: machine)
    do {
      let question = ScenarioLimits.question
      let answer = try await machine.withDeadline(ScenarioLimits.echo) {
        switch transport {
        case .udp: try await client.call(server, with: question, within: ScenarioLimits.echo)
        case .tcp: try await client.callOverTCP(server, with: question)
        }
      }
      judgement.expect(
        answer.bytes == question, .everyByte, "\(name) has asked \(echo), and something else came back")
      echoes[place].answered = answer.after
    } catch {
      world.note("\(name) asks \(echo) over \(transport.name): \(error)")
    }
    await client.close()
  }

  func startPortal(_ name: String, of box: String, on machine: SimulatedMachine) async throws {
    let portal = portals[name] ?? PortalServer(on: machine, remembering: ScenarioLimits.portalBytes)
    portals[name] = portal
    let address = SocketAddress(machine.address(.v4), port: 80)
    try await portal.start(at: address)
    if !unlocked.contains(box) { world.box(box).hold(for: address) }
  }
}

/// Somebody who asks an echo.
struct EchoCall {
  /// The port of echoes (RFC 862).
  static let port: UInt16 = 7

  var caller, echo: String
  var transport: TransportProtocol
  /// After which time it was answered.
  var answered: Duration?
}
