import CBareQUIC
import Glibc
import Warren
import WarrenCrypto
import WarrenQUIC

/// QUIC over loopback: ours, ngtcp2 alone in memory, and iroh.
enum QUICBenchmark {
  /// A figure, with what it cost.
  struct Figure {
    var name: String
    var ours: Double
    var limit: Double?
    var iroh: Double?
    var unit: String
    var isLessBetter = false
  }

  // MARK: Ours

  /// Two endpoints, each on a machine with a loop and a thread of its own.
  private struct Pair {
    let machines: [LocalMachine]
    let endpoints: [QUICEndpoint]
    let bob: PeerID
    let address: SocketAddress

    init() async throws {
      machines = [LocalMachine(name: "alice"), LocalMachine(name: "bob")]
      var random = machines[0].random
      let keys = [PrivateKey(using: &random), PrivateKey(using: &random)]
      var configuration = QUICConfiguration(protocols: ["warren-bench"])
      configuration.bidirectionalStreams = 10_000
      configuration.initialRoundTrip = .milliseconds(10)
      endpoints = try zip(machines, keys).map { QUICEndpoint(on: $0, try QUICIdentity($1), configuration) }
      bob = keys[1].peerID
      try await endpoints[0].bind(to: .loopback(.v4))
      address = try await endpoints[1].bind(to: .loopback(.v4))
    }

    func connect() async throws -> Connection { try await endpoints[0].connect(to: address, expecting: bob) }

    func close() async {
      for endpoint in endpoints { await endpoint.close() }
      for machine in machines { await machine.close() }
    }
  }

  /// A handshake is over when both sides have the connection.
  private static func handshakes(atOnce: Int, seconds: Double) async throws -> (
    perSecond: Double, perCPU: Double
  ) {
    let pair = try await Pair()
    let accepted = pair.machines[1].spawn("accepting") { () -> Int in
      var count = 0
      for await connection in pair.endpoints[1].connections {
        count += 1
        _ = connection
      }
      return count
    }
    let (start, cpu) = (now(), processSeconds())
    let made = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<atOnce {
        group.addTask {
          try await pair.machines[0].run {
            var count = 0
            while now() - start < seconds {
              let connection = try await pair.connect()
              count += 1
              await connection.close()
            }
            return count
          }
        }
      }
      return try await group.reduce(0, +)
    }
    let (elapsed, used) = (now() - start, processSeconds() - cpu)
    await pair.close()
    let both = min(made, try await accepted.value)
    return (Double(both) / elapsed, Double(both) / used)
  }

  /// Gbit/s over so many streams of one connection.
  private static func transfer(streams: Int, bytes: Int) async throws -> (wall: Double, perCPU: Double) {
    let pair = try await Pair()
    let connection = try await pair.connect()
    let chunk = [UInt8](repeating: 7, count: 262_144)
    let perStream = bytes / streams / chunk.count * chunk.count
    let receiving = pair.machines[1].spawn("receiving") { () -> Int in
      for await other in pair.endpoints[1].connections {
        return try await withThrowingTaskGroup(of: Int.self) { group in
          var streamsLeft = streams
          for await stream in other.incomingStreams {
            group.addTask {
              var count = 0
              for try await bytes in stream { count += bytes.count }
              return count
            }
            streamsLeft -= 1
            if streamsLeft == 0 { break }
          }
          return try await group.reduce(0, +)
        }
      }
      return 0
    }
    let (start, cpu) = (now(), processSeconds())
    try await pair.machines[0].run {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<streams {
          group.addTask {
            let stream = try await connection.openStream(isBidirectional: false)
            for _ in 0..<perStream / chunk.count { try await stream.write(chunk) }
            try await stream.finish()
          }
        }
        try await group.waitForAll()
      }
    }
    if CommandLine.arguments.contains("-v") { print(await connection.statistics) }
    let received = try await receiving.value
    let (elapsed, used) = (now() - start, processSeconds() - cpu)
    await pair.close()
    precondition(received == perStream * streams, "bytes are missing")
    let gigabits = Double(received) * 8 / 1e9
    return (gigabits / elapsed, gigabits / used)
  }

  /// Microseconds from a request on a new stream to its answer: the median, and what 99 of 100 stay below.
  private static func requests(_ count: Int) async throws -> (median: Double, p99: Double) {
    let pair = try await Pair()
    let connection = try await pair.connect()
    pair.machines[1].spawn("answering") {
      for await other in pair.endpoints[1].connections {
        for await stream in other.incomingStreams {
          pair.machines[1].spawn("an answer") {
            let request = try await stream.read(exactly: 64)
            try await stream.write(request)
            try await stream.finish()
          }
        }
      }
    }
    let times = try await pair.machines[0].run {
      var times: [Double] = []
      let request = [UInt8](repeating: 1, count: 64)
      for _ in 0..<count {
        let start = now()
        let stream = try await connection.openStream()
        try await stream.write(request)
        try await stream.finish()
        _ = try await stream.read(exactly: 64)
        times.append((now() - start) * 1e6)
      }
      return times.sorted()
    }
    await pair.close()
    return (times[times.count / 2], times[times.count * 99 / 100])
  }

  /// Bytes of the heap that one side of an idle connection holds.
  private static func idle(_ count: Int) async throws -> Double {
    let pair = try await Pair()
    var connections: [Connection] = []
    let accepting = pair.machines[1].spawn("accepting") { () -> [Connection] in
      var all: [Connection] = []
      for await connection in pair.endpoints[1].connections {
        all.append(connection)
        if all.count == count + 1 { return all }
      }
      return all
    }
    connections.append(try await pair.connect())
    try await pair.machines[0].sleep(for: .milliseconds(100))
    let before = bare_quic_heap()
    for _ in 0..<count { connections.append(try await pair.connect()) }
    let others = try await accepting.value
    // Until all is acknowledged and handshakes are forgotten.
    try await pair.machines[0].sleep(for: .seconds(1))
    let bytes = Double(Int(bare_quic_heap()) - Int(before)) / Double(2 * count)
    withExtendedLifetime((connections, others)) {}
    await pair.close()
    return bytes
  }

  // MARK: The others

  private static func limits() -> (handshakes: Double, gigabits: Double, idle: Double) {
    var (seconds, cpu, bytes) = (0.0, 0.0, 0.0)
    precondition(
      bare_quic_handshakes(2000, &seconds, &cpu) == 0, "ngtcp2 alone does not get through a handshake")
    let handshakes = 2000 / cpu
    precondition(
      bare_quic_transfer(2_000_000_000, 1452, &seconds, &cpu) == 0, "ngtcp2 alone does not transfer")
    let gigabits = 16 / cpu
    precondition(bare_quic_idle(500, &bytes) == 0, "ngtcp2 alone does not stay idle")
    return (handshakes, gigabits, bytes)
  }

  /// What iroh's program prints, in the few words that are wanted of it; nil with a reason where it cannot run.
  private static func iroh() -> (figures: [String: Double], missing: String?) {
    let python = ".build/interop-iroh/bin/python"
    guard access(python, X_OK) == 0 else { return ([:], "iroh is not installed: `make interop` does that") }
    guard let pipe = popen("\(python) Benchmarks/Others/iroh_quic.py 2>/dev/null", "r") else {
      return ([:], "python does not start")
    }
    var text = ""
    var line = [CChar](repeating: 0, count: 65_536)
    while fgets(&line, 65_536, pipe) != nil {
      text += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    pclose(pipe)
    let figures = numbers(in: text)
    return (figures, figures.isEmpty ? "iroh could not be measured: \(text)" : nil)
  }

  /// The numbers of an object of objects, by `outer.inner`.
  private static func numbers(in json: String) -> [String: Double] {
    var found: [String: Double] = [:]
    var path: [String] = []
    var word = ""
    var key: String?
    var isQuoted = false
    func flush() {
      if let key, let number = Double(word.trimmed) { found[(path + [key]).joined(separator: ".")] = number }
      word = ""
    }
    for character in json {
      if isQuoted {
        if character == "\"" { isQuoted = false } else { word.append(character) }
        continue
      }
      switch character {
      case "\"": (isQuoted, word) = (true, "")
      case ":": (key, word) = (word, "")
      case "{":
        if let outer = key { path.append(outer) }
        (key, word) = (nil, "")
      case ",", "}":
        flush()
        key = nil
        if character == "}", !path.isEmpty { path.removeLast() }
      default: word.append(character)
      }
    }
    return found
  }

  // MARK: All of it

  /// Handshakes alone, for whoever looks where their time goes: `perf record .build/release/Benchmarks quichandshakes`.
  static func runHandshakes() async throws {
    let eight = try await handshakes(atOnce: 8, seconds: 8)
    print("handshakes: \(rounded(eight.perSecond)) a second, \(rounded(eight.perCPU)) a CPU-second\n")
  }

  /// The same of one stream.
  static func runTransfer() async throws {
    let one = try await transfer(streams: 1, bytes: 8_000_000_000)
    print("one stream: \(rounded(one.wall)) Gbit/s, \(rounded(one.perCPU)) Gbit per CPU-second\n")
  }

  static func run() async throws {
    let (limitHandshakes, limitGigabits, limitIdle) = limits()
    let sequential = try await handshakes(atOnce: 1, seconds: 3)
    let concurrent = try await handshakes(atOnce: 8, seconds: 3)
    let one = try await transfer(streams: 1, bytes: 4_000_000_000)
    let many = try await transfer(streams: 16, bytes: 4_000_000_000)
    let (median, p99) = try await requests(5000)
    let idleBytes = try await idle(500)
    let (others, missing) = iroh()
    let figures = [
      Figure(
        name: "handshakes, one after the other", ours: sequential.perSecond,
        iroh: others["sequential_handshakes.per_second"], unit: "a second"),
      Figure(
        name: "handshakes, 8 at once", ours: concurrent.perSecond,
        iroh: others["concurrent_handshakes.per_second"], unit: "a second"),
      Figure(
        name: "handshakes per CPU-second", ours: concurrent.perCPU, limit: limitHandshakes,
        iroh: others["concurrent_handshakes.per_cpu_second"], unit: "a CPU-second"),
      Figure(name: "one stream", ours: one.wall, iroh: others["one_stream.gbit_per_second"], unit: "Gbit/s"),
      Figure(
        name: "one stream per CPU-second", ours: one.perCPU, limit: limitGigabits,
        iroh: others["one_stream.gbit_per_cpu_second"], unit: "Gbit"),
      Figure(
        name: "16 streams", ours: many.wall, iroh: others["many_streams.gbit_per_second"], unit: "Gbit/s"),
      Figure(
        name: "16 streams per CPU-second", ours: many.perCPU, limit: limitGigabits,
        iroh: others["many_streams.gbit_per_cpu_second"], unit: "Gbit"),
      Figure(
        name: "request and answer, median", ours: median, iroh: others["requests.p50_microseconds"],
        unit: "us",
        isLessBetter: true),
      Figure(
        name: "request and answer, p99", ours: p99, iroh: others["requests.p99_microseconds"], unit: "us",
        isLessBetter: true),
      Figure(
        name: "heap of an idle connection", ours: idleBytes / 1024, limit: limitIdle / 1024, unit: "KiB",
        isLessBetter: true),
    ]
    show(figures, missing)
    write(figures, to: ".build/benchmark-quic.json")
  }

  private static func show(_ figures: [Figure], _ missing: String?) {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(1, width - text.count))
    }
    print("QUIC over loopback, two loops, keys of Ed25519 on both sides; the limit is ngtcp2 alone in memory")
    print(
      padded("", 34) + padded("ours", 12) + padded("limit", 12) + padded("of it", 8) + padded("iroh", 12)
        + "times")
    for figure in figures {
      let ratio = figure.limit.map { rounded(figure.ours / $0) } ?? ""
      let times = figure.iroh.map {
        rounded(figure.isLessBetter ? $0 / figure.ours : figure.ours / $0)
      }
      print(
        padded(figure.name, 34) + padded(rounded(figure.ours), 12)
          + padded(figure.limit.map(rounded) ?? "", 12)
          + padded(ratio, 8) + padded(figure.iroh.map(rounded) ?? "", 12) + (times ?? "") + "  \(figure.unit)"
      )
    }
    if let missing { print(missing) }
    print("")
  }

  private static func rounded(_ value: Double) -> String {
    let digits = value >= 100 ? 1.0 : value >= 10 ? 10.0 : 100.0
    let text = "\((value * digits).rounded() / digits)"
    return text.hasSuffix(".0") && value >= 100 ? String(text.dropLast(2)) : text
  }

  private static func write(_ figures: [Figure], to path: String) {
    guard let file = fopen(path, "w") else { return }
    let lines = figures.map {
      "  {\"name\": \"\($0.name)\", \"unit\": \"\($0.unit)\", \"ours\": \($0.ours), "
        + "\"limit\": \($0.limit.map { "\($0)" } ?? "null"), \"iroh\": \($0.iroh.map { "\($0)" } ?? "null")}"
    }
    fputs("[\n" + lines.joined(separator: ",\n") + "\n]\n", file)
    fclose(file)
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
