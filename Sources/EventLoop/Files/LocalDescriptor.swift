import Glibc
import WarrenMachine

/// An open file or folder of the system's. Used on the machine's executor, but for the work that is done with it.
final class LocalDescriptor: @unchecked Sendable {
  let machine: LocalMachine
  let path: String
  private let number: Int32
  private let id: UInt64
  /// How many threads have it in use.
  private var uses = 0
  private var isClosed = false

  init(_ number: Int32, at path: String, of machine: LocalMachine) {
    (self.number, self.path, self.machine) = (number, path, machine)
    id = machine.enlistFile()
    machine.openFiles[id] = self
  }

  /// Does `work` on a thread of the pool, and ends `wait` with what comes of it.
  func perform<Value: Sendable>(
    _ wait: Wait<Value>, _ work: @escaping @Sendable (Int32) throws(FileError) -> Value
  ) {
    perform(work) { result in
      switch result {
      case .success(let value): wait.succeed(value)
      case .failure(let error): wait.fail(error)
      }
    }
  }

  /// Opens something from here; where nobody waits for it any more, it is closed again.
  func open<Value: Sendable>(
    _ path: String, _ wait: Wait<Value>, _ work: @escaping @Sendable (Int32) throws(FileError) -> Int32,
    _ wrap: @escaping (LocalDescriptor) -> Value
  ) {
    let machine = machine
    perform(work) { machine.opened($0, path, wait, wrap) }
  }

  private func perform<Value: Sendable>(
    _ work: @escaping @Sendable (Int32) throws(FileError) -> Value,
    _ end: @escaping (Result<Value, FileError>) -> Void
  ) {
    machine.preconditionOnExecutor()
    if isClosed { return end(.failure(FileError(.closed, path))) }
    uses += 1
    let number = number
    machine.loop.core.offload({ Result { () throws(FileError) in try work(number) } }) { [self] result in
      uses -= 1
      end(result)
      if isClosed, uses == 0 { release() }
    }
  }

  /// Closes it, once no thread has it in use.
  func close() {
    machine.preconditionOnExecutor()
    guard !isClosed else { return }
    isClosed = true
    if uses == 0 { release() }
  }

  private func release() {
    let (machine, id, number) = (machine, id, number)
    // What was written to a distant file system may be sent there now.
    machine.loop.core.offload({ _ = Glibc.close(number) }) { machine.retireFile(id) }
  }
}

extension LocalMachine {
  /// Hands over what was opened.
  func opened<Value: Sendable>(
    _ result: Result<Int32, FileError>, _ path: String, _ wait: Wait<Value>,
    _ wrap: (LocalDescriptor) -> Value
  ) {
    switch result {
    case .failure(let error): wait.fail(error)
    case .success(let number):
      let descriptor = LocalDescriptor(number, at: path, of: self)
      if wait.hasEnded || isClosed { return descriptor.close() }
      wait.succeed(wrap(descriptor))
    }
  }
}
