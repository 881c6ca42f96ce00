// Sends a file to a peer, or takes what others send:
//   swift run ExampleSendFile warren://HOST:PORT/KEY bob FOLDER          takes files as bob
//   swift run ExampleSendFile warren://HOST:PORT/KEY alice FILE bob      sends bob one, as alice
import Warren

@main
struct SendFile {
  static func main() async throws {
    let words = CommandLine.arguments.dropFirst().map { $0 }
    guard words.count == 3 || words.count == 4 else {
      return print("usage: ExampleSendFile REGISTRY NAME FOLDER, or REGISTRY NAME FILE PEER")
    }
    let machine = LocalMachine(name: words[1])
    var configuration = Peer.Configuration()
    configuration.registry = try RegistryAddress(words[0])
    configuration.name = words[1]
    configuration.policy = words.count == 3 ? .everyone : .nobody
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    if words.count == 3 {
      await receive(from: peer, into: words[2])
    } else {
      try await send(words[2], to: words[3], from: peer)
    }
    await peer.close()
    await machine.close()
  }

  private static func send(_ file: String, to name: String, from peer: Peer) async throws {
    let exchange = FileExchange(on: peer.machine)
    // Asked for again whenever the connection breaks: the transfer goes on where it was.
    let transfer = try await exchange.send(file) { try await peer.connect(to: name) }
    for await progress in transfer.progress { print("\(Int(progress.fraction * 100)) %") }
    _ = try await transfer.finished()
    print("\(file) is there, whole")
  }

  private static func receive(from peer: Peer, into folder: String) async {
    let exchange = FileExchange(on: peer.machine, into: folder)
    peer.machine.spawn("those who come") {
      for await connection in peer.connections {
        peer.machine.spawn("files") { await exchange.takeAll(of: connection) }
      }
    }
    for await offer in exchange.offers {
      print("taking \(offer.name), \(offer.totalBytes) bytes")
      do {
        let transfer = try await offer.accept()
        print("it is at \(try await transfer.finished())")
      } catch {
        print("it is not: \(error)")
      }
    }
  }
}
