import WarrenMachine
/// placeholder
struct TCPTable { mutating func closeAll() {} }
extension SimulatedMachine {
  public func openTCP(to address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPConnection { throw .closed }
  public func listenTCP(on address: SocketAddress, options: TCPOptions) throws(NetworkError) -> any TCPListener { throw .closed }
  func takeTCP(_ packet: Packet, _ segment: TCPSegment) {}
  func takeTCPFailure(_ error: ICMPError) {}
}
