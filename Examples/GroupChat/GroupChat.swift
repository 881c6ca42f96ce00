// A chat of many, without anybody in the middle: swift run ExampleGroupChat NAME [ADDRESS]
// The first says where it is; all others name one who is there already.
import Warren

@main
struct GroupChat {
  static func main() async throws {
    let words = CommandLine.arguments.dropFirst().map { $0 }
    guard let name = words.first else { return print("usage: ExampleGroupChat NAME [ADDRESS]") }
    let machine = LocalMachine(name: name)
    var configuration = Mesh.Configuration(mesh: "example", name: name)
    configuration.admission = .secret("what only we know")
    configuration.peer.usesLoopback = true
    configuration.bootstraps = try words.dropFirst().map { .address(try SocketAddress($0)) }
    let mesh = try Mesh(configuration, on: machine)
    try await mesh.start()

    machine.spawn("what happens") {
      for await event in mesh.events {
        switch event {
        case .started(let addresses):
          print("others join at \(addresses.map { "\($0)" }.joined(separator: " or "))")
        case .joined(let member): print("\(member.name) is here")
        case .left(let member), .died(let member): print("\(member.name) is gone")
        case .message(let message):
          if case .text(let text) = message.content { print("\(message.sender): \(text)") }
        default: break
        }
      }
    }
    // It waits for lines: a program of yours would do so elsewhere than here.
    while let line = readLine() { try await mesh.broadcast(line) }
    await mesh.leave()
    await machine.close()
  }
}
