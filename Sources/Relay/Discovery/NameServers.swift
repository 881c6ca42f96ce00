import WarrenMachine

/// Asks name servers where services are, one after the other until one answers.
struct NameServers: Sendable {
  private let machine: any Machine
  /// How they are asked: the one that has answered last comes first.
  private var ways: [Way]

  private struct Way {
    let server: SocketAddress
    let isTCP: Bool
  }

  /// All are asked over UDP, and then over TCP: a datagram may be lost, or UDP be blocked.
  init(_ addresses: [SocketAddress], on machine: any Machine) {
    self.machine = machine
    ways = [false, true].flatMap { isTCP in addresses.map { Way(server: $0, isTCP: isTCP) } }
  }

  /// Where a service is; nothing where it is nowhere.
  ///
  /// - Throws: a ``NetworkError`` where no server says.
  mutating func services(_ service: DNSName) async throws -> [ServiceRecord] {
    var reason = "this machine knows no name server: name one"
    for (place, way) in ways.enumerated() {
      do {
        switch try await ask(service, way) {
        case .services(let records):
          ways.insert(ways.remove(at: place), at: 0)
          return records
        case .refused(let code): reason = "the name server \(way.server) says error \(code): ask another"
        case .truncated: reason = "the name server \(way.server) cannot say all of it: ask another"
        }
      } catch is CancellationError {
        throw CancellationError()
      } catch NetworkError.machineClosed {
        throw NetworkError.machineClosed
      } catch {
        reason = "the name server \(way.server) does not answer: \(error)"
      }
    }
    throw NetworkError.lookUpFailed(service.description, reason: reason)
  }

  private func ask(_ service: DNSName, _ way: Way) async throws -> DNSAnswer {
    var random = machine.random
    // Who cannot see the question has to guess its number and its port (RFC 5452, 9.2).
    let question = DNSQuestion(service: service, id: UInt16.random(in: 0...UInt16.max, using: &random))
    let answer = way.isTCP ? .truncated : try await askOverUDP(question, way.server)
    return answer == .truncated ? try await askOverTCP(question, way.server) : answer
  }

  private func askOverUDP(_ question: DNSQuestion, _ server: SocketAddress) async throws -> DNSAnswer {
    try await machine.suspend({ "the name server \(server)" }) { (wait: Wait<DNSAnswer>) in
      let socket = try machine.bindUDP(to: .any(server.ip.family))
      let timer = machine.makeTimer { wait.fail(NetworkError.timedOut(server)) }
      wait.onEnd = {
        timer.cancel()
        socket.close()
      }
      socket.onDatagrams = { batch in
        batch.forEach { datagram in
          guard datagram.source == server, let answer = DNSAnswer(datagram.payload, to: question) else {
            return
          }
          wait.succeed(answer)
        }
      }
      socket.onDeliveryFailure = { _ in wait.fail(NetworkError.unreachable(server)) }
      timer.schedule(at: machine.now.advanced(by: DNSLimits.patience))
      var outbox = DatagramOutbox(byteCapacity: 512, runCapacity: 1)
      outbox.append(question.encoded.span.bytes, to: server)
      try socket.send(&outbox)
    }
  }

  private func askOverTCP(_ question: DNSQuestion, _ server: SocketAddress) async throws -> DNSAnswer {
    let machine = machine
    return try await machine.withDeadline(DNSLimits.patience) {
      let connection = try await machine.connectTCP(to: server)
      defer { connection.close() }
      try await connection.write(question.framed)
      var bytes: [UInt8] = []
      while let more = try await connection.read() {
        bytes += more
        guard bytes.count >= 2 else { continue }
        let size = Int(bytes[0]) << 8 | Int(bytes[1])
        guard bytes.count >= 2 + size else { continue }
        let message = Array(bytes[2..<2 + size])
        guard let answer = DNSAnswer(message.span.bytes, to: question) else { break }
        return answer
      }
      throw NetworkError.connectionReset(server)
    }
  }
}
