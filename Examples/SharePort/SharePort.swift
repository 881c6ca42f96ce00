// Lets one friend reach a port of this computer, and nothing else:
//   swift run ExampleSharePort warren://HOST:PORT/KEY NAME PORT FRIENDS-KEY
// The friend runs: warren forward 8080 NAME:PORT -r warren://HOST:PORT/KEY
import Warren

@main
struct SharePort {
  static func main() async throws {
    let words = CommandLine.arguments.dropFirst().map { $0 }
    guard words.count == 4, let port = UInt16(words[2]) else {
      return print("usage: ExampleSharePort REGISTRY NAME PORT FRIENDS-KEY")
    }
    let machine = LocalMachine(name: words[1])
    var configuration = Peer.Configuration()
    configuration.registry = try RegistryAddress(words[0])
    configuration.name = words[1]
    // Nobody else learns so much as an address.
    configuration.policy = .only([try PeerID(reading: words[3])])
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    let gate = PortGate(on: machine, sharing: [SharedPort(port)])
    machine.spawn("what happens") { for await event in gate.events { print(event) } }
    for await connection in peer.connections { gate.takeAll(of: connection) }
  }
}
