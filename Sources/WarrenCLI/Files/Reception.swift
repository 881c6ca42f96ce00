import Warren
import WarrenOptions
import WarrenTerminal

/// What `warren receive` does while it runs.
struct Reception: Sendable {
  /// What it was told.
  struct Wishes: Sendable {
    let folder: String
    let senders: [PeerID]
    let takesAll: Bool
    /// Whether somebody is there who can be asked.
    let canAsk: Bool
    let endsSoon: Bool
  }

  /// What those are called who have come by the registry.
  final class Names: Sendable {
    /// More have not come since anybody can remember.
    private static let most = 1000
    private let names = Guarded<[PeerID: String]>([:])

    func learn(_ peer: PeerID, _ name: String?) {
      names.withLock { names in
        if names.count >= Self.most { names = [:] }
        names[peer] = name
      }
    }

    /// `bob (KEY)`, or the key alone.
    func text(of peer: PeerID?) -> StyledText {
      guard let peer else { return "somebody without a key" }
      guard let name = names.withLock({ $0[peer] }) else { return StyledText("\(peer)", .strong) }
      return "\(name, .strong) (\(peer))"
    }
  }

  private let peer: Peer
  private let program: PeerProgram
  private let wishes: Wishes
  private let names: Names
  private let exchange: FileExchange
  private let board: TransferBoard

  init(_ peer: Peer, _ program: PeerProgram, _ wishes: Wishes, _ names: Names) {
    (self.peer, self.program, self.wishes, self.names) = (peer, program, wishes, names)
    var configuration = FileExchange.Configuration()
    configuration.policy =
      wishes.takesAll
      ? .everything : .when { offer in offer.peer.map(wishes.senders.contains) ?? false }
    exchange = FileExchange(on: peer.machine, into: wishes.folder, configuration)
    board = TransferBoard(on: program.terminal, peer.machine)
  }

  func run() async throws {
    let failure = await Result.of {
      try await sayWhere()
      return try await receive()
    }
    await exchange.closeWhole()
    if let failure = try failure.get() { throw SaidEnding(code: failure) }
  }

  /// Says by what others send to this one.
  private func sayWhere() async throws {
    let place = try await program.placeToReach(peer)
    program.terminal.result("\(place, .strong)")
    program.terminal.talk("others send by: warren send FILE \(program.configuration.name ?? place)")
  }

  /// - Returns: why the only transfer that was waited for has not come.
  private func receive() async throws -> ExitCode? {
    let begun = AsyncStream.makeStream(of: FileTransfer.self)
    return try await withThrowingDiscardingTaskGroup { group in
      defer { group.cancelAll() }
      group.addTask {
        for await connection in peer.connections {
          peer.machine.spawn("files of \(connection.peer.map { "\($0)" } ?? "somebody")") {
            await exchange.takeAll(of: connection)
          }
        }
      }
      group.addTask { for await transfer in exchange.arrivals { begun.continuation.yield(transfer) } }
      group.addTask { await answer(begun.continuation) }
      group.addTask { await board.keepCurrent() }
      for await transfer in begun.stream {
        if wishes.endsSoon { return await followOnly(transfer) }
        group.addTask { _ = await Result.of { try await follow(transfer) } }
      }
      throw CancellationError()
    }
  }

  private func follow(_ transfer: FileTransfer) async throws {
    let path = try await board.follow(transfer) { [peer] in
      guard let sender = transfer.peer else { return nil }
      return await peer.connection(with: sender)?.path
    }
    program.terminal.result("\(path)")
  }

  private func followOnly(_ transfer: FileTransfer) async -> ExitCode? {
    do {
      try await follow(transfer)
      // The sender has to hear that everything is there; then it goes.
      if let sender = transfer.peer, let connection = await peer.connection(with: sender) {
        _ = try? await peer.machine.withDeadline(FileLife.farewell) { try await connection.closed() }
      }
      return nil
    } catch {
      return ExitCode(of: error)
    }
  }

  // MARK: What is asked

  private func answer(_ begun: AsyncStream<FileTransfer>.Continuation) async {
    var answers = wishes.canAsk ? InputLines() : nil
    for await offer in exchange.offers {
      guard await isWanted(offer, &answers) else {
        await offer.refuse()
        continue
      }
      do { begun.yield(try await offer.accept()) } catch {
        program.terminal.talk("\(offer.name, .strong): \(error)")
      }
    }
  }

  private func isWanted(_ offer: FileOffer, _ answers: inout InputLines?) async -> Bool {
    guard answers != nil else { return false }
    board.hold(true)
    defer { board.hold(false) }
    answers?.forgetTyped()
    let files = offer.files.count
    let content = offer.isFolder ? "a folder with \(files) \(files == 1 ? "file" : "files"), " : ""
    let size = ProgressCore.size(offer.totalBytes)
    program.terminal.ask(
      "\(names.text(of: offer.peer)) wants to send \(offer.name, .strong), \(content)\(size). Take it? [y/N] "
    )
    guard let line = try? await answers?.next() else { return false }
    return ["y", "yes"].contains(line.filter { !$0.isWhitespace }.lowercased())
  }
}
