/// A port of UDP, and that of TCP with the same number.
package struct TwinPort {
  package let udp: any UDPSocket
  package let tcp: any TCPListener
}

extension Machine {
  /// Opens both protocols at one address or more; ports that are not said are the first one's.
  package func openTwinPorts(
    at addresses: [SocketAddress], options: UDPOptions = UDPOptions()
  ) throws -> [TwinPort] {
    try tryingPorts(while: addresses.first?.port == 0) {
      var ports: [TwinPort] = []
      var sockets: [any UDPSocket] = []
      do {
        for var address in addresses {
          if address.port == 0 { address.port = sockets.first?.localAddress.port ?? 0 }
          let udp = try bindUDP(to: address, options: options)
          sockets.append(udp)
          ports.append(TwinPort(udp: udp, tcp: try listenTCP(on: udp.localAddress)))
        }
        return ports
      } catch {
        for socket in sockets { socket.close() }
        for port in ports { port.tcp.close() }
        throw error
      }
    }
  }

  /// Calls `open`, which opens several things at one port and leaves none behind where it fails. A port that the system has chosen may
  /// be free for the first of them alone: then it chooses another.
  package func tryingPorts<Opened>(while isChosen: Bool, _ open: () throws -> Opened) throws -> Opened {
    if isChosen {
      for _ in 1..<MachineLimits.portChoices {
        do { return try open() } catch NetworkError.addressInUse { continue }
      }
    }
    return try open()
  }
}
