import Warren
import WarrenOptions
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Sends files and folders to somebody who receives them.
struct SendCommand: Command {
  private static let files = Argument<[String]>.rest("FILE", .file, "a file or a folder", atLeast: 1)
  private static let receiver = Argument("PEER", .whom, "who is to have it, as 'warren receive' says")

  static var description: CommandDescription {
    CommandDescription(
      "send", "send files and folders, and go on where it broke off",
      discussion: """
        What breaks off goes on by itself, for as long as --patience says since the last byte (otherwise half an hour), and when the \
        same command is given again: nothing that is there is sent twice. It ends when everything is there and proven to be right.
        """,
      group: .meeting, arguments: [files, receiver], options: PeerWords.all, rules: PeerWords.rules,
      examples: [
        Example("warren send film.mkv bob", "send a file to bob, whom the registry knows"),
        Example("warren send holiday notes.txt bob", "send a folder and a file"),
        Example(
          "warren send film.mkv \(PeerID.example)@192.0.2.1:4433", "send without a registry"),
      ])
  }

  private let program: PeerProgram
  private let files: [String]
  private let receiver: Whom
  private let patience: Duration

  init(_ words: ParsedWords) throws {
    var program = try PeerProgram(words)
    files = words[Self.files]
    receiver = words[Self.receiver]
    try program.needRegistry(for: receiver)
    program.configuration.isListed = false
    program.configuration.policy = .invited
    program.expectFiles()
    patience = words.has(PeerWords.patience) ? words[PeerWords.patience] : FileLife.patience
    self.program = program
  }

  func run() async throws {
    for file in files where access(file, R_OK) != 0 {
      throw UnreadableFile(path: file, reason: String(cString: strerror(errno)))
    }
    let failure = try await program.run { try await send(by: $0) }
    if let failure { throw SaidEnding(code: failure) }
  }

  /// - Returns: why not everything is there.
  private func send(by peer: Peer) async throws -> ExitCode? {
    let connection = try await peer.connect(to: receiver)
    guard let id = connection.peer else { throw PeerError(.notFound, "whoever is there has no key") }
    program.terminal.talk("connected with \(id, .strong), \(await connection.path)")
    var configuration = FileExchange.Configuration()
    configuration.patience = patience
    let exchange = FileExchange(on: peer.machine, configuration)
    let sender = FileSender(peer: peer, exchange: exchange, receiver: id, addresses: receiver.addresses)
    let board = TransferBoard(on: program.terminal, peer.machine)
    let most = configuration.transfersOfPeer
    let failure = await withTaskGroup(of: ExitCode??.self) { group in
      group.addTask {
        await board.keepCurrent()
        return nil
      }
      var waiting = files[...]
      for file in waiting.prefix(most) { group.addTask { await send(file, sender, board) } }
      waiting = waiting.dropFirst(most)
      var (failure, left) = (ExitCode?.none, files.count)
      for await case .some(let ending) in group {
        failure = failure ?? ending
        left -= 1
        if let file = waiting.popFirst() { group.addTask { await send(file, sender, board) } }
        if left == 0 { break }
      }
      group.cancelAll()
      return failure
    }
    await exchange.closeWhole()
    try Task.checkCancellation()
    return failure
  }

  /// - Returns: why it is not there; nil where it is.
  private func send(_ file: String, _ sender: FileSender, _ board: TransferBoard) async -> ExitCode? {
    do {
      try await sender.send(file) { transfer, isOld in
        let size = ProgressCore.size(transfer.totalBytes)
        program.terminal.talk(
          isOld
            ? "going on with \(transfer.name, .strong), \(size), where it was interrupted"
            : "offered \(transfer.name, .strong), \(size), which the other side has to take")
        for name in transfer.skipped {
          program.terminal.talk("\(name, .strong) is neither a file nor a folder, and is left out")
        }
        _ = try await board.follow(transfer) { await sender.path }
      }
      return nil
    } catch let error as FileSender.Unsaid {
      program.terminal.talk("\(file, .strong) \("failed", .bad): \(error.reason)")
      return ExitCode(of: error.reason)
    } catch {
      return ExitCode(of: error)
    }
  }
}

extension Whom {
  /// Where it is, as far as the one who names it knows.
  fileprivate var addresses: [SocketAddress] {
    switch self {
    case .name: []
    case .key(_, let addresses): addresses
    case .address(let address): [address]
    }
  }
}
