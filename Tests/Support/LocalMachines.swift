import WarrenEventLoop

/// What runs in the real time is late where a hundred others do as well: a few do at a time.
private let places = 4
private let room = Room(places: places)

/// Runs `body` on the first of some machines on this computer, each on a loop of its own, and closes them all.
///
/// - Parameter isAlone: whether no others are there meanwhile: for what needs a whole computer.
/// - Returns: how many handles each has left open.
public func onLocalMachines(
  _ names: [String], isAlone: Bool = false, _ body: @escaping @Sendable ([LocalMachine]) async throws -> Void
) async throws -> [Int] {
  let taken = isAlone ? places : 1
  await room.enter(taken)
  defer { room.leave(taken) }
  let machines = names.map { LocalMachine(name: $0) }
  let result: Result<Void, any Error>
  do {
    result = .success(try await machines[0].run { try await body(machines) })
  } catch {
    result = .failure(error)
  }
  for machine in machines { await machine.close() }
  try result.get()
  var open: [Int] = []
  for machine in machines { open.append(try await machine.run { machine.openHandles }) }
  return open
}
