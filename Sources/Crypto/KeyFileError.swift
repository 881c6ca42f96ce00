import WarrenMachine

/// What is wrong with a file that holds a ``PrivateKey`` or should, with its path.
public enum KeyFileError: Error, Hashable, Sendable {
  /// There is no such file.
  case notFound(String)
  /// There is no such folder, for a file that should be written.
  case noFolder(String)
  /// There is such a file already, and it is not written over.
  case exists(String)
  /// The path is empty, ends in a slash or in dots, or has a zero in it: no file can be called so.
  case badPath(String)
  /// It is a folder, a link or something else that is not simply a file.
  case notAFile(String)
  /// It belongs to the user with this number, and not to the one who runs the program.
  case notOurs(String, owner: UInt32)
  /// Others may read it or write it; its permissions.
  case openToOthers(String, mode: UInt32)
  /// It is larger than ``CryptoLimits/keyFileBytes``.
  case tooLarge(String)
  /// It holds no private key, or none in a form that is known.
  case notAKey(String)
  /// It holds a private key that only a password opens.
  case encrypted(String)
  /// It holds a private key of this other kind.
  case notEd25519(String, kind: String)
  /// The system does not let this program do it.
  case permissionDenied(doing: String, String)
  /// Anything else that the system says.
  case system(doing: String, String, code: Int32, reason: String)
}

extension KeyFileError: CustomStringConvertible {
  /// What is wrong and what to do about it.
  public var description: String {
    switch self {
    case .notFound(let path):
      "there is no key file \(shown(path)): make one with openssl genpkey -algorithm ed25519 -out FILE"
    case .noFolder(let path):
      "there is no folder for the key file \(shown(path)): make it first (mkdir -p -m 700 FOLDER)"
    case .exists(let path):
      "\(shown(path)) exists, and a key is never written over: choose another name, or move it away"
    case .badPath(let path):
      "\(shown(path)) is no path that a key file can have: write it as folder/name"
    case .notAFile(let path):
      "\(shown(path)) is not a regular file: give the path of the key file itself, not of a folder or a link"
    case .notOurs(let path, let owner):
      "the key file \(shown(path)) belongs to user \(owner): run this as that user, or make the file yours "
        + "(chown $(id -u) \(shown(path)))"
    case .openToOthers(let path, let mode):
      "the key file \(shown(path)) is open to others (mode \(String(mode, radix: 8))), who may have the key by now: "
        + "close it (chmod 600 \(shown(path))), or better make a new one"
    case .tooLarge(let path):
      "\(shown(path)) is larger than \(CryptoLimits.keyFileBytes) bytes, and so no key file: check the path"
    case .notAKey(let path):
      "\(shown(path)) holds no private key in PEM (PKCS #8): check the path, or make a key with "
        + "openssl genpkey -algorithm ed25519 -out FILE"
    case .encrypted(let path):
      "the key in \(shown(path)) is locked with a password, for which nobody is asked here: unlock it with "
        + "(umask 077; openssl pkey -in \(shown(path)) -out FILE)"
    case .notEd25519(let path, let kind):
      "the key in \(shown(path)) is one of \(kind), and only Ed25519 will do: make one with "
        + "openssl genpkey -algorithm ed25519 -out FILE"
    case .permissionDenied(let action, let path):
      "no permission for \(action) \(shown(path)): run this as the user it belongs to, or choose another path"
    case .system(let action, let path, let code, let reason):
      "\(action) \(shown(path)) failed: \(reason) (error \(code))"
    }
  }

  // Whole, so that the commands can be copied: no path is longer than this.
  private func shown(_ path: String) -> String { quoted(path, limit: 4096) }
}
