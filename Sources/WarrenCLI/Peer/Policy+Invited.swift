import Warren

extension Peer.Policy {
  /// Nobody but those whom this one connects with by itself. Unlike with ``nobody``, these can look for other ways to it.
  static var invited: Self { .decide { _, _ in false } }
}
