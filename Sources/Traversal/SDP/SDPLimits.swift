/// The limits of SDP that is read, each with its reason.
public enum SDPLimits {
  /// A browser's description with video is some 8 kB; what is pasted may be several of them.
  public static let textBytes = 65_536
  /// The longest line: a candidate is some 150 bytes, and no other line is read.
  public static let lineBytes = 1024
  /// Lines of a text, read or skipped.
  public static let lines = 1024
  /// Refused candidates that are told of one by one.
  public static let refusals = 16
}
