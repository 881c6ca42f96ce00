import Warren

extension LocalMachine {
  /// Lends `body` a machine, which is closed whatever becomes of that.
  static func with<Value: Sendable>(
    _ name: String, _ body: (LocalMachine) async throws -> Value
  ) async throws -> Value {
    let machine = LocalMachine(name: name)
    let result = await Result.of { try await body(machine) }
    await machine.close()
    return try result.get()
  }
}
