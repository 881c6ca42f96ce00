import CBareQUIC
import Glibc
import Warren

/// What a registry holds of memory for each who is registered, and for each who is connected and silent.
///
/// The registry is a program of its own, this one started once more: so it is known whose memory it is.
enum RegistryMemory {
  private static let owners = 100_000
  private static let peers = 2_000
  private static let wanted = 1 << 30

  // MARK: The program that has the registry

  /// Does what it is told by lines, and says after each how much memory it holds.
  static func serve() async throws {
    let machine = LocalMachine(name: "registry")
    let registry = RegistryBenchmark.registry(on: machine)
    let server = try RegistryBenchmark.server(of: registry)
    let address = try await server.start(at: .loopback(.v4))
    say("\(address)")
    while let line = readLine() {
      let words = line.split(separator: " ")
      if words.first == "register", let count = words.last.flatMap({ Int($0) }) {
        // A piece at a time: what is registered is not to be there twice.
        for start in stride(from: 0, to: count, by: 1000) {
          let all = try RegistryBenchmark.registrations(min(1000, count - start), from: start)
          try await RegistryBenchmark.Caller(registry).register(all)
        }
      }
      if words.first == "trim" { bare_quic_trim() }
      let sessions = await server.sessionCount
      say("\(residentBytes()) \(bare_quic_heap()) \(sessions)")
    }
    await server.stop()
    await machine.close()
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }

  // MARK: The one that asks

  /// A program that was started, and what goes in and out.
  private struct Served {
    let program: Program
    let address: RegistryAddress
    private let input: CInt
    private let output: UnsafeMutablePointer<FILE>

    init() throws {
      (program, input, output) = Program.another(doing: "registry-server")
      address = try RegistryAddress(output.line() ?? "")
    }

    struct Memory {
      var resident, heap, sessions: Int
    }

    func tell(_ line: String) -> Memory {
      let bytes = Array("\(line)\n".utf8)
      precondition(write(input, bytes, bytes.count) == bytes.count, "the registry's program is gone")
      let numbers = (output.line() ?? "").split(separator: " ").compactMap { Int($0) }
      precondition(numbers.count == 3, "the registry's program is gone")
      return Memory(resident: numbers[0], heap: numbers[1], sessions: numbers[2])
    }

    func end() {
      close(input)
      fclose(output)
      program.end()
    }
  }

  private static func show(
    _ what: String, _ before: Served.Memory, _ after: Served.Memory, _ count: Int, _ aim: Bool = false
  ) {
    let (resident, heap) = ((after.resident - before.resident) / count, (after.heap - before.heap) / count)
    print(
      "  \(what) \(resident) bytes of resident memory, \(heap) of them in use"
        + (aim ? "; \(owners) are \(ratio(Double(resident * owners), Double(wanted))) of 1 GiB" : ""))
  }

  static func run() async throws {
    print("memory of a registry")
    let library = try Served()
    let empty = library.tell("")
    show("an owner who is registered       ", empty, library.tell("register \(owners)"), owners, true)
    library.end()
    for (name, isQUIC) in [("an idle peer over QUIC", true), ("an idle peer over TLS ", false)] {
      if !CommandLine.arguments.contains("tls") || !isQUIC { try await measure(name, isQUIC) }
    }
    print("")
  }

  private static func measure(_ name: String, _ isQUIC: Bool) async throws {
    let served = try Served()
    let clients = LocalMachine(name: "peers")
    let address = served.address
    func connect(_ count: Int) async throws -> [RegistryPeer] {
      try await RegistryPeer.many(count, on: clients) {
        isQUIC
          ? try await RegistryPeer.overQUIC(to: address, on: clients)
          : try await RegistryPeer.overTLS(to: address, on: clients)
      }
    }
    // What is only needed once is there with the first.
    var all = try await connect(20)
    try await clients.sleep(for: .seconds(1))
    let before = served.tell("")
    all += try await connect(peers)
    // As peers do who have nothing to say.
    for _ in 0..<2 {
      try await clients.sleep(for: .seconds(1))
      for peer in all { try await clients.run { try await peer.ask(RegistryPeer.message(.renew), .done, 1) } }
    }
    try await clients.sleep(for: .seconds(1))
    let after = served.tell("")
    precondition(after.sessions == all.count, "\(after.sessions) of \(all.count) peers are connected")
    show("\(name)           ", before, after, peers, true)
    show("the same, once malloc has tidied up", before, served.tell("trim"), peers)
    served.end()
    for peer in all { await peer.close() }
    await clients.close()
  }
}
