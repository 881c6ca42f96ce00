import WarrenMachine

extension TCPListener {
  /// Hands over whoever calls, until it is closed.
  func acceptEach(_ take: (any TCPConnection) -> Void) async {
    while true {
      do {
        take(try await accept())
      } catch NetworkError.closed {
        return
      } catch is CancellationError {
        return
      } catch {
        // The system has no descriptor left, perhaps: it goes on when it has. A closed machine has no sleep either.
        do { try await machine.sleep(for: RegistryLimits.acceptPause) } catch { return }
      }
    }
  }
}
