import Glibc
import Warren

/// A large file over loopback, from one program to another: beside `scp`, and beside a bare copy of it.
///
/// The sender and the receiver are programs of their own, this one started once more: so it is known whose memory it is.
enum FilesBenchmark {
  /// As large as the word behind `files` says, in MB, or 1,024.
  private static let size = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1024
  private static let runs = 3

  // MARK: The two programs

  private static func endpoint(on machine: any Machine) async throws -> (QUICEndpoint, SocketAddress, PeerID)
  {
    var random = machine.random
    let key = PrivateKey(using: &random)
    let endpoint = QUICEndpoint(
      on: machine, try QUICIdentity(key), QUICConfiguration(protocols: ["warren-bench"]))
    return (endpoint, try await endpoint.bind(to: .loopback(.v4)), key.peerID)
  }

  /// Receives into the folder that the first line names.
  static func receive() async throws {
    let machine = LocalMachine(name: "receiver")
    let (endpoint, address, id) = try await endpoint(on: machine)
    let folder = readLine() ?? ""
    var configuration = FileExchange.Configuration()
    configuration.policy = .everything
    let exchange = FileExchange(on: machine, into: folder, configuration)
    let serving = machine.spawn("serving") {
      for await connection in endpoint.connections {
        machine.spawn("streams") {
          for await stream in connection.incomingStreams {
            _ = try await stream.read(exactly: FileExchange.streamMark.count)
            await exchange.take(stream, from: connection.peer)
          }
        }
      }
    }
    say("\(address) \(id)")
    _ = readLine()
    await exchange.close()
    serving.cancel()
    await endpoint.close()
    await machine.close()
  }

  /// Sends what each line names to whom the first line names, and says after each how long it took.
  static func send() async throws {
    let machine = LocalMachine(name: "sender")
    let (endpoint, _, _) = try await endpoint(on: machine)
    let words = (readLine() ?? "").split(separator: " ").map(String.init)
    let (address, receiver) = (try SocketAddress(words[0]), try PeerID(reading: words[1]))
    let exchange = FileExchange(on: machine, into: "/tmp")
    while let path = readLine() {
      let start = machine.now
      let connection = try await endpoint.connect(to: address, expecting: receiver)
      try await exchange.send(path) { connection }.finished()
      say("\(start.duration(to: machine.now).wholeNanoseconds)")
      await connection.close()
    }
    await exchange.close()
    await endpoint.close()
    await machine.close()
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }

  // MARK: Measuring

  static func run() async throws {
    var name = Array("/tmp/warren-XXXXXX".utf8CString)
    guard
      let made = name.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!).map { String(cString: $0) } })
    else { return print("files: no folder can be made in /tmp") }
    defer { _ = system("rm -rf '\(made)'") }
    mkdir("\(made)/in", 0o700)
    let path = "\(made)/large"
    // Random, and in the system's memory: the disk is not what is measured, but for what all of them write.
    guard system("head -c \(size)M /dev/urandom > \(path) && sync \(path)") == 0 else {
      return print("files: \(size) MB do not fit into /tmp")
    }
    let (receiver, toReceiver, fromReceiver) = Program.another(doing: "files-receiver")
    write("\(made)/in\n", to: toReceiver)
    let (sender, toSender, fromSender) = Program.another(doing: "files-sender")
    write((fromReceiver.line() ?? "") + "\n", to: toSender)
    let server = SecureShell(in: made)
    defer { server?.end() }

    var (ours, theirs, theirsSynced, bare): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    for _ in 0..<runs {
      write("\(path)\n", to: toSender)
      ours.append((fromSender.line().flatMap { Double($0) } ?? .infinity) / 1e9)
      guard system("cmp -s \(path) \(made)/in/large") == 0 else {
        return print("files: what has arrived is not what was sent")
      }
      bare.append(seconds("cp \(path) \(made)/copy && sync \(made)/copy"))
      if let server {
        theirs.append(seconds(server.copying(path, to: "\(made)/theirs")))
        theirsSynced.append(theirs.last! + seconds("sync \(made)/theirs"))
      }
      _ = system("rm -f \(made)/in/* \(made)/copy \(made)/theirs")
    }
    let peaks = (sender.peakBytes, receiver.peakBytes)
    let times = (sender.seconds + receiver.seconds) / Double(runs)
    close(toSender)
    close(toReceiver)
    sender.end()
    receiver.end()

    func rate(_ seconds: [Double]) -> Double { Double(size) * 1.048576 / (seconds.min() ?? .infinity) }
    print("a file of \(size) MiB over loopback, hashed and synced; the best of \(runs)")
    print(
      "ours: \(Int(rate(ours))) MB/s, \(Int(Double(size) * 1.048576 / times)) MB for a CPU-second of both sides"
    )
    print("cp and sync: \(Int(rate(bare))) MB/s, ratio \(ratio(rate(ours), rate(bare)))")
    if theirs.isEmpty {
      print("scp: not measured, since OpenSSH's server is not installed or does not start")
    } else {
      print("scp: \(Int(rate(theirs))) MB/s, ratio \(ratio(rate(ours), rate(theirs)))")
      print("scp and sync: \(Int(rate(theirsSynced))) MB/s, ratio \(ratio(rate(ours), rate(theirsSynced)))")
    }
    print("memory at most: sender \(peaks.0 >> 20) MiB, receiver \(peaks.1 >> 20) MiB\n")
  }

  private static func ratio(_ one: Double, _ other: Double) -> Double { (one / other * 100).rounded() / 100 }

  private static func write(_ text: String, to file: CInt) {
    _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
  }

  private static func seconds(_ command: String) -> Double {
    let start = LocalMachine.clock
    guard system(command) == 0 else { return .infinity }
    return Double(start.duration(to: LocalMachine.clock).wholeNanoseconds) / 1e9
  }
}

extension LocalMachine {
  /// The time on the system's clock that never goes back.
  fileprivate static var clock: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

/// OpenSSH's server on loopback, with keys and a configuration of its own.
private struct SecureShell {
  private let program: Program
  private let folder: String
  private static let port = 22_022

  /// Starts one; nil where it is not installed, or does not come up.
  init?(in folder: String) {
    let path = "\(folder)/ssh"
    self.folder = path
    let configuration = """
      Port \(Self.port)
      ListenAddress 127.0.0.1
      HostKey \(path)/host
      AuthorizedKeysFile \(path)/user.pub
      PidFile none
      StrictModes no
      UsePAM no
      PermitRootLogin prohibit-password
      PasswordAuthentication no
      Subsystem sftp internal-sftp
      """
    // What the server wants of a system on which it was not started by the system.
    let keys = "ssh-keygen -q -t ed25519 -N '' -f"
    guard
      system(
        "mkdir -p \(path) && \(keys) \(path)/host && \(keys) \(path)/user && mkdir -p /run/sshd 2>/dev/null")
        == 0,
      let file = fopen("\(path)/config", "w")
    else { return nil }
    fputs(configuration, file)
    fclose(file)
    // It starts itself once more, and so wants its whole path.
    guard let program = Program.silent(["/usr/sbin/sshd", "-D", "-e", "-f", "\(path)/config"]) else {
      return nil
    }
    self.program = program
    for _ in 0..<50 {
      if system("ssh \(options) -p \(Self.port) 127.0.0.1 true 2>/dev/null") == 0 { return }
      usleep(50_000)
    }
    end()
    return nil
  }

  private var options: String {
    "-q -i \(folder)/user -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
  }

  func copying(_ path: String, to target: String) -> String {
    "scp \(options) -P \(Self.port) \(path) 127.0.0.1:\(target)"
  }

  func end() { program.end() }
}
