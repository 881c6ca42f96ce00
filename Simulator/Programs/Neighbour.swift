import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension SimulatedMachine {
  /// Opens mappings in the NATs that it is behind, so many a second, when it likes: like somebody who browses the web.
  @discardableResult
  package func openMappings(perSecond rate: Double) -> Task<Void, any Error> {
    spawn("mappings of \(name)") { [self] in
      let socket = try bindUDP(to: .any(.v4))
      defer { socket.close() }
      var outbox = DatagramOutbox(byteCapacity: 64, runCapacity: 1)
      var random = random
      for number in 0... {
        // The time between two events that know nothing of each other.
        let chance = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &random)
        try await sleep(for: .seconds(-log(chance) / rate))
        let remote = IPAddress(v4: 0xC612_0000 + UInt32(number % 65_536))
        outbox.append([0].span.bytes, to: SocketAddress(remote, port: 443))
        socket.sendOrDrop(&outbox)
      }
    }
  }
}
