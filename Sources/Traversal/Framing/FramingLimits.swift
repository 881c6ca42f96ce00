/// The limits of datagrams over TCP, each with its reason.
public enum FramingLimits {
  /// Bytes that wait for TCP, beyond which whoever sends is told to wait: more would only be late, which QUIC takes for a long way.
  public static let waitingBytes = 32_768
  /// What is read at once.
  public static let readBytes = 65_536
  /// What is handed on at once: what is read, and a frame that began before.
  public static let batchBytes = 2 * 65_536
  /// Runs that are handed on at once.
  public static let batchRuns = 64
}
