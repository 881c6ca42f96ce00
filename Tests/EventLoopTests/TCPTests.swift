import Glibc
import TestSupport
import Testing
import WarrenEventLoop
import WarrenMachine

extension LocalMachineTests {
  @Suite("TCP")
  struct TCP {
    @Test("an echo comes back, and each side sees the other finish", arguments: IPAddress.Family.allCases)
    func echo(_ family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(family))
        let address = listener.localAddress
        let server = machine.spawn("server") {
          let connection = try await listener.accept()
          while let bytes = try await connection.read() { try await connection.write(bytes) }
          // The other side has finished and still reads: half of the connection is open.
          try await connection.write([0xFF])
          connection.close()
        }
        nonisolated(unsafe) let client = try await machine.connectTCP(to: address)
        #expect(client.remoteAddress == address)
        #expect(client.localAddress.ip == .loopback(family))
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let reader = machine.spawn("reader") {
          var bytes: [UInt8] = []
          while let more = try await client.read() { bytes += more }
          return bytes
        }
        try await client.write(sent)
        try client.finish()
        expect(.finished) { () throws(NetworkError) in _ = try client.writeNow(sent.span.bytes) }
        #expect(try await reader.value == sent + [0xFF])
        try await server.value
        client.close()
        listener.close()
      }
    }

    @Test("a port where nobody listens refuses, and the error names it", arguments: IPAddress.Family.allCases)
    func refused(_ family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        let address = SocketAddress.nobody(at: .loopback(family))
        await #expect(throws: NetworkError.connectionRefused(address)) {
          _ = try await machine.connectTCP(to: address)
        }
      }
    }

    @Test("a handler is told of a refusal")
    func refusalReachesHandler() async throws {
      try await withLocalMachine { machine in
        let address = SocketAddress.nobody(at: .loopback(.v4))
        let connection = try machine.openTCP(to: address, options: TCPOptions())
        try await machine.suspend({ "the handler" }) { (wait: Wait<Void>) in
          connection.onWritable = { wait.succeed(()) }
        }
        #expect(connection.phase == .failed(.connectionRefused(address)))
        connection.close()
        #expect(connection.phase == .closed)
      }
    }

    @Test("a reset is an error on the other side")
    func reset() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        client.reset()
        let error = NetworkError.connectionReset(server.remoteAddress)
        await #expect(throws: error) { _ = try await server.read() }
        #expect(server.phase == .failed(.connectionReset(server.remoteAddress)))
        await #expect(throws: NetworkError.closed) { try await client.write([1]) }
      }
    }

    @Test("one who does not read holds the other back, and onWritable says when to go on")
    func backPressure() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        let block = [UInt8](repeating: 1, count: 1 << 20)
        var sent = 0
        while true {
          let taken = try client.writeNow(block.span.bytes)
          if taken == 0 { break }
          sent += taken
        }
        var calls = 0
        client.onWritable = { calls += 1 }
        try await machine.sleep(for: .milliseconds(2))
        #expect(calls == 0)
        var received = 0
        while received < sent { received += try #require(try await server.read(atMost: 1 << 20)).count }
        #expect(received == sent)
        client.onWritable = nil
        try await client.write([2])
        #expect(try await server.read() == [2])
      }
    }

    @Test("a port in use is an error that names it, and two that share one both get it")
    func portInUse() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(.v4))
        expect(.addressInUse(listener.localAddress)) { () throws(NetworkError) in
          _ = try machine.listenTCP(on: listener.localAddress)
        }
        var options = TCPOptions()
        options.interface = "nowhere0"
        expect(.noSuchInterface("nowhere0")) { () throws(NetworkError) in
          _ = try machine.openTCP(to: listener.localAddress, options: options)
        }
        expect(.unusableDestination(.loopback(.v4))) { () throws(NetworkError) in
          _ = try machine.openTCP(to: .loopback(.v4), options: TCPOptions())
        }
      }
    }

    @Test("one port listens and connects at the same time")
    func listenAndConnect() async throws {
      try await withLocalMachine { machine in
        var options = TCPOptions()
        options.sharesPort = true
        let near = try machine.listenTCP(on: .loopback(.v4), options: options)
        let far = try machine.listenTCP(on: .loopback(.v4), options: options)
        options.localAddress = near.localAddress
        let out = try await machine.connectTCP(to: far.localAddress, options: options)
        #expect(out.localAddress == near.localAddress)
        let accepted = try await far.accept()
        #expect(accepted.remoteAddress == near.localAddress)
        // And a third party still reaches the port that has connected.
        let other = try await machine.connectTCP(to: near.localAddress)
        let incoming = try await near.accept()
        #expect(incoming.remoteAddress == other.localAddress)
      }
    }

    @Test("two that connect to each other's port at the same time have one connection")
    func simultaneousOpen() async throws {
      try await withLocalMachine { machine in
        // A full listener drops the first SYN unheard, as a NAT would.
        let wall = try FullListener()
        var options = TCPOptions()
        options.sharesPort = true
        let reserved = try machine.listenTCP(on: .loopback(.v4), options: options)
        let near = reserved.localAddress
        let far = wall.address
        reserved.close()

        options.localAddress = near
        let first = try machine.openTCP(to: far, options: options)
        #expect(first.phase == .opening)
        wall.close()
        options.localAddress = far
        let second = try machine.openTCP(to: near, options: options)
        try await second.opened()
        try await first.opened()
        #expect(first.localAddress == near && first.remoteAddress == far)
        #expect(second.localAddress == far && second.remoteAddress == near)
        try await first.write([1, 2, 3])
        #expect(try await second.read(exactly: 3) == [1, 2, 3])
        try await second.write([4])
        #expect(try await first.read() == [4])
      }
    }

    @Test("handlers may set and clear handlers, and close, while they are called")
    func reentrancy() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        try await server.write([1])
        var order: [String] = []
        try await machine.suspend({ "the handlers" }) { (wait: Wait<Void>) in
          client.onWritable = { [unowned client] in
            order.append("writable")
            client.onWritable = nil
            client.onReadable = { [unowned client] in
              order.append("readable")
              client.onWritable = { [unowned client] in
                order.append("close")
                client.close()
                wait.succeed(())
              }
              client.onReadable = nil
            }
          }
        }
        #expect(order == ["writable", "readable", "close"])
        withExtendedLifetime(server) {}
      }
    }

    @Test("closing a connection or a listener ends who waits on it")
    func closeEndsWaits() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(.v4))
        let read = machine.spawn("read") { try await client.read() }
        let accept = machine.spawn("accept") { try await listener.accept().phase }
        try await machine.sleep(for: .milliseconds(1))
        client.close()
        listener.close()
        await #expect(throws: NetworkError.closed) { _ = try await read.value }
        await #expect(throws: NetworkError.closed) { _ = try await accept.value }
        withExtendedLifetime(server) {}
      }
    }

    @Test("an idle connection whose other side has gone costs nothing, and its end can still be read")
    func idleAfterTheEnd() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        try await client.write([1, 2, 3])
        client.reset()
        // Nobody listens to the descriptor, which has hung up: the loop must go to sleep all the same.
        let before = processorTime()
        try await machine.sleep(for: .milliseconds(50))
        #expect(processorTime() - before < 0.04)
        #expect(try await server.read() == [1, 2, 3] || server.phase != .open)
        await #expect(throws: NetworkError.connectionReset(server.remoteAddress)) {
          while try await server.read() != nil {}
        }
        server.close()
      }
    }
  }

  @Suite("Cancelling and closing")
  struct Ending {
    @Test("cancelling connect, accept, read, write and look-up ends each at once and leaves nothing")
    func cancellation() async throws {
      try await withLocalMachine { machine in
        let wall = try FullListener()
        nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(.v4))
        nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
        nonisolated(unsafe) let quiet = try await machine.connectedPair()
        // The first timer opens the descriptor behind all of them.
        try await machine.sleep(for: .microseconds(1))
        let before = machine.openHandles
        let tasks = [
          machine.spawn("connect") { _ = try await machine.connectTCP(to: wall.address) },
          machine.spawn("accept") { _ = try await listener.accept() },
          machine.spawn("read") { _ = try await quiet.client.read() },
          machine.spawn("write") { try await server.write([UInt8](repeating: 0, count: 1 << 26)) },
          machine.spawn("look up") { _ = try await machine.resolve("a-name.invalid") },
        ]
        while machine.waits.waiting.count < tasks.count - 1 { await Task.yield() }
        for task in tasks { task.cancel() }
        for (index, task) in tasks.enumerated() {
          let result = await task.result
          // A resolver may know at once that there is no such name.
          if index < 4 { #expect(throws: CancellationError.self) { try result.get() } }
        }
        #expect(machine.waits.waiting.isEmpty)
        // What was connecting is closed; libuv lets go of it in its next round.
        try await machine.sleep(for: .milliseconds(1))
        #expect(machine.openHandles == before)
        #expect(quiet.client.onReadable == nil && server.onWritable == nil && listener.onConnection == nil)
        withExtendedLifetime((client, quiet)) {}
        wall.close()
      }
    }

    @Test("a task that was cancelled before it waits does not wait")
    func cancelledBefore() async throws {
      try await withLocalMachine { machine in
        nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(.v4))
        let accept = machine.spawn("accept") { _ = try await listener.accept() }
        accept.cancel()
        await #expect(throws: CancellationError.self) { try await accept.value }
      }
    }

    @Test("closing the machine in the middle of everything ends every wait and leaves nothing open")
    func closing() async throws {
      do {
        let wall = try FullListener()
        let machine = LocalMachine()
        let tasks = try await machine.run { () -> [Task<Void, any Error>] in
          nonisolated(unsafe) let listener = try machine.listenTCP(on: .loopback(.v4))
          nonisolated(unsafe) let (client, server) = try await machine.connectedPair()
          nonisolated(unsafe) let quiet = try await machine.connectedPair()
          nonisolated(unsafe) let socket = try machine.bindUDP(to: .loopback(.v4))
          var outbox = DatagramOutbox()
          let payload = [UInt8](repeating: 0, count: 1200)
          socket.onDatagrams = { [unowned socket] batch in
            // An echo to itself, which never ends.
            batch.forEach { outbox.append($0.payload, to: $0.source) }
            socket.sendOrDrop(&outbox)
          }
          try socket.send(payload, to: socket.localAddress)
          nonisolated(unsafe) let timer = machine.makeTimer { socket.close() }
          timer.schedule(at: machine.now.advanced(by: .seconds(3600)))
          return [
            machine.spawn("connect") { _ = try await machine.connectTCP(to: wall.address) },
            machine.spawn("accept") { _ = try await listener.accept() },
            machine.spawn("read") { _ = try await quiet.client.read() },
            machine.spawn("write") { try await server.write([UInt8](repeating: 0, count: 1 << 26)) },
            machine.spawn("sleep") {
              try await machine.sleep(for: .seconds(3600))
              withExtendedLifetime((socket, timer, client, quiet)) {}
            },
          ]
        }
        try await machine.run {
          while machine.waits.waiting.count < tasks.count { try await machine.sleep(for: .microseconds(100)) }
        }
        async let again: Void = machine.close()
        await machine.close()
        await again
        for task in tasks { await #expect(throws: NetworkError.machineClosed) { try await task.value } }
        #expect(machine.waits.waiting.isEmpty && machine.waits.runningTasks.isEmpty)
        let open = try await machine.run {
          expect(.machineClosed) { () throws(NetworkError) in _ = try machine.bindUDP(to: .any(.v4)) }
          expect(.machineClosed) { () throws(NetworkError) in _ = try machine.listenTCP(on: .any(.v4)) }
          expect(.machineClosed) { () throws(NetworkError) in
            _ = try machine.openTCP(to: wall.address, options: TCPOptions())
          }
          return machine.openHandles
        }
        #expect(open == 0)
        await #expect(throws: NetworkError.machineClosed) { _ = try await machine.resolve("localhost") }
        wall.close()
      }
    }
  }

  @Suite("Names, interfaces, chance and the time")
  struct Surroundings {
    @Test("localhost has the addresses of this machine, and an address is its own name")
    func localhost() async throws {
      try await withLocalMachine { machine in
        let addresses = try await machine.resolve("localhost")
        #expect(!addresses.isEmpty && addresses.allSatisfy(\.isLoopback))
        #expect(try await machine.resolve("192.0.2.1") == [IPAddress(192, 0, 2, 1)])
      }
    }

    @Test("a name that cannot be one is not found", arguments: ["", "a..b"])
    func badName(_ name: String) async throws {
      try await withLocalMachine { machine in
        await #expect(throws: NetworkError.nameNotFound(name)) { try await machine.resolve(name) }
      }
    }

    @Test("the loopback interface has the loopback address")
    func interfaces() async throws {
      try await withLocalMachine { machine in
        let interfaces = try machine.interfaces()
        let loopback = try #require(interfaces.first { $0.isLoopback })
        #expect(loopback.addresses.contains(.init(.loopback(.v4), prefixLength: 8)))
        #expect(loopback.index > 0)
        #expect(Set(interfaces.map(\.name)).count == interfaces.count)
        for interface in interfaces {
          for address in interface.addresses where address.ip.family == .v6 && address.ip.isLinkLocal {
            #expect(address.ip.zone == interface.index)
          }
        }
      }
    }

    @Test("random bytes differ, and time goes on")
    func randomAndTime() async throws {
      try await withLocalMachine { machine in
        #expect(machine.randomBytes(32) != machine.randomBytes(32))
        #expect(machine.randomBytes(0) == [])
        let before = machine.now
        #expect(machine.now >= before)
        #expect(machine.timeSince1970 > .seconds(1_700_000_000))
      }
    }
  }
}

extension LocalMachine {
  /// Both ends of a new connection.
  func connectedPair() async throws -> (client: any TCPConnection, server: any TCPConnection) {
    nonisolated(unsafe) let listener = try listenTCP(on: .loopback(.v4))
    nonisolated(unsafe) let client = try await connectTCP(to: listener.localAddress)
    nonisolated(unsafe) let server = try await listener.accept()
    listener.close()
    return (client, server)
  }
}

/// A listener whose queue is full: to whoever connects, it never answers.
final class FullListener: @unchecked Sendable {
  let address: SocketAddress
  private var descriptors: [Int32] = []

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, 4)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let port = withUnsafeMutablePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        bind(listener, name, length)
        // A queue for none holds one.
        listen(listener, 0)
        getsockname(listener, name, &length)
        connect(filler, name, length)
      }
      return UInt16(bigEndian: $0.pointee.sin_port)
    }
    address = .loopback(.v4, port: port)
    descriptors = [listener, filler]
    try #require(port != 0)
  }

  deinit { close() }

  func close() {
    for descriptor in descriptors { Glibc.close(descriptor) }
    descriptors = []
  }
}
