import TestSupport
import Testing
import WarrenEventLoop
import WarrenMachine

extension LocalMachineTests {
  @Suite("UDP")
  struct UDP {
    @Test("an echo comes back from where it was sent to", arguments: IPAddress.Family.allCases)
    func echo(_ family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        let server = try machine.bindUDP(to: .loopback(family))
        server.onDatagrams = { [unowned server] batch in
          var outbox = DatagramOutbox()
          batch.forEachRun { outbox.append(run: $0.bytes, segmentSize: $0.segmentSize, to: $0.remote) }
          server.sendOrDrop(&outbox)
        }
        let client = try machine.bindUDP(to: .loopback(family))
        let inbox = Inbox(of: client)
        try client.send([1, 2, 3], to: server.localAddress)
        try client.send([], to: server.localAddress)
        try await inbox.wait(for: 2)
        #expect(inbox.datagrams.map(\.payload) == [[1, 2, 3], []])
        #expect(inbox.datagrams.allSatisfy { $0.source == server.localAddress })
        server.close()
        client.close()
      }
    }

    @Test(
      "runs of equal datagrams arrive in order, each of its size and the last shorter, split by the kernel or not",
      arguments: [true, false], [true, false])
    func runs(senderOffloads: Bool, receiverOffloads: Bool) async throws {
      try await withLocalMachine { machine in
        var options = UDPOptions()
        options.usesOffload = receiverOffloads
        options.bufferBytes = 1 << 20
        let receiver = try machine.bindUDP(to: .loopback(.v4), options: options)
        options.usesOffload = senderOffloads
        let sender = try machine.bindUDP(to: .loopback(.v4), options: options)
        let inbox = Inbox(of: receiver)
        var outbox = DatagramOutbox()
        var sent: [[UInt8]] = []
        for (size, count) in [(1200, 54), (700, 1), (1200, 10), (300, 1), (0, 1), (40, 64), (41, 2)] {
          for index in 0..<count {
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: sent.count + $0 * index) }
            sent.append(payload)
            let added = outbox.append(payload.span.bytes, to: receiver.localAddress)
            #expect(added)
          }
        }
        while !outbox.isEmpty {
          try sender.send(&outbox)
          if !outbox.isEmpty { try await sender.writable() }
        }
        try await inbox.wait(for: sent.count)
        #expect(inbox.datagrams.map(\.payload) == sent)
        if !receiverOffloads { #expect(inbox.runs.allSatisfy { $0 == 1 }) }
      }
    }

    @Test("ECN, the hop limit and the local address arrive", arguments: IPAddress.Family.allCases)
    func headers(_ family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .any(family))
        let sender = try machine.bindUDP(to: .any(family))
        let inbox = Inbox(of: receiver)
        let destination = SocketAddress.loopback(family, port: receiver.localAddress.port)
        var outbox = DatagramOutbox()
        for ecn in [ECN.capable0, .capable1, .congestionExperienced, .notCapable] {
          outbox.append(([9] as [UInt8]).span.bytes, to: destination, ecn: ecn, hopLimit: 7)
        }
        outbox.append(([9] as [UInt8]).span.bytes, to: destination)
        try sender.send(&outbox)
        try await inbox.wait(for: 5)
        #expect(
          inbox.datagrams.map(\.ecn)
            == [.capable0, .capable1, .congestionExperienced, .notCapable, .notCapable])
        #expect(inbox.datagrams.map(\.hopLimit).prefix(4) == [7, 7, 7, 7])
        #expect(inbox.datagrams[4].hopLimit == 64)
        #expect(inbox.datagrams.allSatisfy { $0.localIP == .loopback(family) })
      }
    }

    @Test("a datagram leaves from the address it is to leave from, and from no address of others")
    func sourceAddress() async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .loopback(.v4))
        let sender = try machine.bindUDP(to: .any(.v4))
        let inbox = Inbox(of: receiver)
        var outbox = DatagramOutbox()
        outbox.append(([1] as [UInt8]).span.bytes, to: receiver.localAddress, from: IPAddress(127, 7, 7, 7))
        try sender.send(&outbox)
        try await inbox.wait(for: 1)
        #expect(inbox.datagrams[0].source.ip == IPAddress(127, 7, 7, 7))

        outbox.append(([1] as [UInt8]).span.bytes, to: receiver.localAddress, from: IPAddress(192, 0, 2, 1))
        // The system sees no way that begins there.
        expect(.unreachable(receiver.localAddress)) { () throws(NetworkError) in try sender.send(&outbox) }
        expectEmpty(outbox)
      }
    }

    @Test("a datagram that is too large is thrown by its size, and what follows it leaves with the next call")
    func tooLarge() async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .loopback(.v4))
        let sender = try machine.bindUDP(to: .loopback(.v4))
        let inbox = Inbox(of: receiver)
        var outbox = DatagramOutbox()
        outbox.append(([1] as [UInt8]).span.bytes, to: receiver.localAddress)
        outbox.append([UInt8](repeating: 0, count: 65_508).span.bytes, to: receiver.localAddress)
        outbox.append(([2] as [UInt8]).span.bytes, to: receiver.localAddress)
        expect(.datagramTooLarge(size: 65_508, to: receiver.localAddress)) { () throws(NetworkError) in
          try sender.send(&outbox)
        }
        let left = outbox.count
        #expect(left == 1)
        try sender.send(&outbox)
        try await inbox.wait(for: 2)
        #expect(inbox.datagrams.map(\.payload) == [[1], [2]])
      }
    }

    @Test(
      "whether datagrams may be cut is the system's to know, and can be changed",
      arguments: IPAddress.Family.allCases)
    func fragmentation(family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        var options = UDPOptions()
        for isAllowed in [true, false] {
          options.allowsFragmentation = isAllowed
          let socket = try machine.bindUDP(to: .loopback(family), options: options)
          #expect(socket.allowsFragmentation == isAllowed)
          for other in [!isAllowed, isAllowed] {
            socket.allowsFragmentation = other
            #expect(socket.allowsFragmentation == other)
          }
          socket.close()
          socket.allowsFragmentation = true
          #expect(!socket.allowsFragmentation)
        }
      }
    }

    @Test("a port in use, an unknown interface and a foreign address are errors that name them")
    func badAddresses() async throws {
      try await withLocalMachine { machine in
        let socket = try machine.bindUDP(to: .loopback(.v4))
        expect(.addressInUse(socket.localAddress)) { () throws(NetworkError) in
          _ = try machine.bindUDP(to: socket.localAddress)
        }
        var options = UDPOptions()
        for name in ["nowhere0", "", "a-name-that-is-much-too-long"] {
          options.interface = name
          expect(.noSuchInterface(name)) { () throws(NetworkError) in
            _ = try machine.bindUDP(to: .any(.v4), options: options)
          }
        }
        let foreign = SocketAddress(IPAddress(192, 0, 2, 1), port: 4433)
        expect(.addressNotAvailable(foreign)) { () throws(NetworkError) in
          _ = try machine.bindUDP(to: foreign)
        }
        #expect(machine.openHandles == 1)
      }
    }

    @Test("two sockets share a port when both say so")
    func sharedPort() async throws {
      try await withLocalMachine { machine in
        var options = UDPOptions()
        options.sharesPort = true
        let first = try machine.bindUDP(to: .loopback(.v4), options: options)
        let second = try machine.bindUDP(to: first.localAddress, options: options)
        #expect(second.localAddress == first.localAddress)
      }
    }

    @Test("an interface that exists can be bound to")
    func interface() async throws {
      try await withLocalMachine { machine in
        let loopback = try machine.interfaces().first { $0.isLoopback }
        var options = UDPOptions()
        options.interface = try #require(loopback).name
        let receiver = try machine.bindUDP(to: .any(.v4), options: options)
        let inbox = Inbox(of: receiver)
        try receiver.send([5], to: .loopback(.v4, port: receiver.localAddress.port))
        try await inbox.wait(for: 1)
      }
    }

    @Test("a destination of the other family, or without a port, is refused and named")
    func unusableDestination() async throws {
      try await withLocalMachine { machine in
        let v4 = try machine.bindUDP(to: .loopback(.v4))
        let v6 = try machine.bindUDP(to: .loopback(.v6))
        let mapped = SocketAddress(IPAddress(v6: 0, 0xFFFF_7F00_0001), port: 9)
        let cases: [(any UDPSocket, SocketAddress)] = [
          (v4, .loopback(.v6, port: 9)), (v6, .loopback(.v4, port: 9)), (v6, mapped), (v4, .loopback(.v4)),
        ]
        for (socket, destination) in cases {
          var outbox = DatagramOutbox()
          outbox.append(([1] as [UInt8]).span.bytes, to: destination)
          outbox.append(([2] as [UInt8]).span.bytes, to: socket.localAddress)
          expect(.unusableDestination(destination)) { () throws(NetworkError) in try socket.send(&outbox) }
          try socket.send(&outbox)
          expectEmpty(outbox)
        }
      }
    }

    @Test(
      "a port where nobody listens is reported with what was sent there", arguments: IPAddress.Family.allCases
    )
    func portUnreachable(_ family: IPAddress.Family) async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .loopback(family))
        let sender = try machine.bindUDP(to: .loopback(family))
        let nobody = SocketAddress.nobody(at: .loopback(family))
        let failures = Inbox(of: sender)
        let inbox = Inbox(of: receiver)
        try sender.send([1, 2, 3, 4], to: nobody)
        // The report that waits is no reason to lose what is sent meanwhile.
        try sender.send([5], to: receiver.localAddress)
        try await failures.wait(forFailures: 1)
        try await inbox.wait(for: 1)
        #expect(
          failures.failures == [
            DeliveryFailure(
              reason: .portUnreachable, destination: nobody, reporter: .loopback(family),
              excerpt: [1, 2, 3, 4])
          ])
        try receiver.send([6], to: sender.localAddress)
        try await failures.wait(for: 1)
        #expect(failures.datagrams.map(\.payload) == [[6]])
      }
    }

    @Test("a report is heard by a socket that wants no datagrams, and then the loop is at rest")
    func reportWithoutHandler() async throws {
      try await withLocalMachine { machine in
        let socket = try machine.bindUDP(to: .loopback(.v4))
        nonisolated(unsafe) var reports: [DeliveryFailure] = []
        socket.onDeliveryFailure = { reports.append($0) }
        try socket.send([1], to: .nobody(at: .loopback(.v4)))
        let before = processorTime()
        try await machine.sleep(for: .milliseconds(50))
        #expect(reports.map(\.reason) == [.portUnreachable])
        #expect(processorTime() - before < 0.04)
        socket.close()
      }
    }

    @Test("datagrams wait in the system's buffer as long as nobody wants them")
    func noHandler() async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .loopback(.v4))
        let sender = try machine.bindUDP(to: .loopback(.v4))
        try sender.send([1], to: receiver.localAddress)
        try await machine.sleep(for: .milliseconds(2))
        let inbox = Inbox(of: receiver)
        try await inbox.wait(for: 1)
        receiver.onDatagrams = nil
        try sender.send([2], to: receiver.localAddress)
        try await machine.sleep(for: .milliseconds(2))
        let later = Inbox(of: receiver)
        try await later.wait(for: 1)
        #expect(later.datagrams.map(\.payload) == [[2]])
      }
    }

    @Test("a socket may be closed by its own handler, and says so when it is used again")
    func closeInHandler() async throws {
      try await withLocalMachine { machine in
        let receiver = try machine.bindUDP(to: .loopback(.v4))
        let sender = try machine.bindUDP(to: .loopback(.v4))
        try await machine.suspend({ "the handler" }) { (wait: Wait<Void>) in
          receiver.onDatagrams = { _ in
            receiver.close()
            wait.succeed(())
          }
          try sender.send([1], to: receiver.localAddress)
          try sender.send([2], to: receiver.localAddress)
        }
        expect(.closed) { () throws(NetworkError) in try receiver.send([1], to: sender.localAddress) }
        receiver.close()
      }
    }

    @Test("a socket that nobody holds stays open until its machine is closed")
    func dropped() async throws {
      try await withLocalMachine { machine in
        let address = try machine.bindUDP(to: .loopback(.v4)).localAddress
        expect(.addressInUse(address)) { () throws(NetworkError) in _ = try machine.bindUDP(to: address) }
        #expect(machine.openHandles == 1)
      }
    }

    @Test("a datagram reaches an actor by a plain call")
    func deliverToActor() async throws {
      try await withLocalMachine { machine in
        let collector = Collector(machine: machine)
        let receiver = try machine.bindUDP(to: .loopback(.v4))
        receiver.deliver(to: collector) { $0.take($1) }
        try receiver.send([1, 2], to: receiver.localAddress)
        while await collector.bytes == 0 { try await machine.sleep(for: .microseconds(100)) }
        #expect(await collector.bytes == 2)
      }
    }

    @Test("datagrams cross from one loop to another")
    func twoLoops() async throws {
      try await withLocalMachine { first in
        let near = try first.bindUDP(to: .loopback(.v4))
        let destination = near.localAddress
        let inbox = Inbox(of: near)
        try await withLocalMachine { second in
          let far = try second.bindUDP(to: .loopback(.v4))
          try far.send([7], to: destination)
        }
        try await inbox.wait(for: 1)
        #expect(inbox.datagrams[0].payload == [7])
      }
    }
  }
}

private actor Collector {
  let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private(set) var bytes = 0

  init(machine: any Machine) { self.machine = machine }

  func take(_ batch: borrowing DatagramBatch) {
    var bytes = bytes
    batch.forEach { bytes += $0.payload.byteCount }
    self.bytes = bytes
  }
}

/// An outbox cannot be copied, which is what the macros do.
private func expectEmpty(
  _ outbox: borrowing DatagramOutbox, sourceLocation: SourceLocation = #_sourceLocation
) {
  let count = outbox.count
  #expect(count == 0, sourceLocation: sourceLocation)
}

/// Expects `body` to throw exactly `error`.
func expect(
  _ error: NetworkError, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(NetworkError) -> Void
) {
  do throws(NetworkError) {
    try body()
    Issue.record("nothing was thrown instead of \(error)", sourceLocation: sourceLocation)
  } catch let thrown {
    #expect(thrown == error, sourceLocation: sourceLocation)
  }
}

extension UDPSocket {
  /// Sends one datagram, which must leave at once.
  func send(_ payload: [UInt8], to destination: SocketAddress) throws(NetworkError) {
    var outbox = DatagramOutbox(byteCapacity: payload.count, runCapacity: 1)
    outbox.append(payload.span.bytes, to: destination)
    try send(&outbox)
    expectEmpty(outbox)
  }

  /// Waits until sending can go on.
  func writable() async throws {
    let before = onWritable
    try await machine.suspend({ "writable" }) { (wait: Wait<Void>) in
      onWritable = {
        before?()
        wait.succeed(())
      }
    }
  }
}
