import WarrenMachine

extension SocketAddress {
  /// Where nobody listens, and no program of these tests ever did.
  ///
  /// A port that was just closed will not do: where another thread starts a program at that moment, the kernel has copied everything that
  /// was open for the new one, and the port is closed only when that begins.
  public static func nobody(at ip: IPAddress) -> SocketAddress { SocketAddress(ip, port: 9) }
}
