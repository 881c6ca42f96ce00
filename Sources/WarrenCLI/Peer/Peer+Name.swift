import Warren

extension Peer {
  /// Waits for the registry, and looks whether others find this peer by its name there, if it has one.
  func waitToBeFound() async throws {
    let view = try await registryView()
    guard let name = configuration.name, view.name?.text != name else { return }
    throw PeerError(
      .registry(.nameTaken), "somebody else is called \(quoted(name)) there: choose another name")
  }
}
