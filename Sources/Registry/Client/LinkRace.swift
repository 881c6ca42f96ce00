import WarrenMachine

/// Several try to connect, and the first that does is taken; the others are closed. Used on the machine's executor alone.
final class LinkRace: @unchecked Sendable {
  private var running: Int
  private var wait: Wait<any RegistryLink>?
  private var isOver = false
  private var result: Result<any RegistryLink, any Error>?
  private var failure: (any Error)?

  init(_ runners: Int) { running = runners }

  /// Somebody waits for the first.
  func begin(_ wait: Wait<any RegistryLink>) {
    if let result {
      end(wait, result)
    } else {
      self.wait = wait
      wait.onEnd = { [weak self] in self?.isOver = true }
    }
  }

  func run(_ body: () async throws -> any RegistryLink) async {
    do {
      let link = try await body()
      if isOver || wait?.hasEnded ?? false { return await link.close(.closed) }
      finish(.success(link))
    } catch {
      running -= 1
      // What went wrong first is what a person wants to know: the other way is only for some networks.
      failure = failure ?? error
      if running == 0, !isOver { finish(.failure(failure ?? error)) }
    }
  }

  private func finish(_ result: Result<any RegistryLink, any Error>) {
    isOver = true
    self.result = result
    if let wait { end(wait, result) }
    wait = nil
  }

  private func end(_ wait: Wait<any RegistryLink>, _ result: Result<any RegistryLink, any Error>) {
    switch result {
    case .success(let link): wait.succeed(link)
    case .failure(let error): wait.fail(error)
    }
  }
}
