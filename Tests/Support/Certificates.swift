import Glibc
import Testing

/// X.509 certificates that GnuTLS' `certtool` makes in a folder, each as `NAME.pem` with its key as `NAME.key`.
public struct Certificates: Sendable {
  /// Why there can be none here.
  public static let obstacle: Comment? =
    system("command -v certtool >/dev/null 2>&1") == 0
    ? nil : "certtool is not there: Scripts/interop.sh, or apt-get install gnutls-bin"

  /// What a certificate is to say.
  public struct Wish: Sendable {
    /// The names that it is for.
    public var names = ["localhost"]
    /// The addresses that it is for.
    public var addresses: [String] = []
    /// `rsa`, `ecdsa` or `ed25519`.
    public var keyType = "ecdsa"
    /// How long its key is; nil for the usual.
    public var bits: Int?
    /// Whether it may sign others.
    public var isAuthority = false
    /// Whether it is for servers; else for clients.
    public var isServers = true
    /// Its first and its last year, on whose first days it begins and ends; nil for now.
    public var years: (Int, Int)?

    public init(_ change: (inout Wish) -> Void = { _ in }) { change(&self) }
  }

  private let folder: String

  public init(in folder: String) { self.folder = folder }

  /// Makes one.
  ///
  /// - Parameter authority: who signs it; nil for itself.
  public func make(_ name: String, by authority: String? = nil, _ wish: Wish = Wish()) throws {
    var lines = ["cn = \"\(name)\"", "signing_key"]
    if wish.isAuthority {
      lines += ["ca", "cert_signing_key"]
    } else {
      lines += wish.names.map { "dns_name = \"\($0)\"" } + wish.addresses.map { "ip_address = \"\($0)\"" }
      lines.append(wish.isServers ? "tls_www_server" : "tls_www_client")
    }
    if let (first, last) = wish.years {
      lines += [
        "activation_date = \"\(first)-01-01 00:00:00\"", "expiration_date = \"\(last)-01-01 00:00:00\"",
      ]
    } else {
      lines.append("expiration_days = 2")
    }
    Folder.put(lines.joined(separator: "\n") + "\n", at: "\(folder)/\(name).words")
    let signature =
      authority.map {
        "--generate-certificate --load-ca-certificate \($0).pem --load-ca-privkey \($0).key"
      } ?? "--generate-self-signed"
    let commands = [
      "certtool --generate-privkey --key-type=\(wish.keyType) \(wish.bits.map { "--bits=\($0)" } ?? "") --outfile \(name).key",
      "certtool \(signature) --load-privkey \(name).key --template \(name).words --outfile \(name).pem",
    ]
    try #require(system("cd \(folder) && { \(commands.joined(separator: " && ")); } >>certtool 2>&1") == 0)
  }

  /// What stands in one of its files.
  public func text(_ file: String) throws -> String { try #require(Folder.text(of: "\(folder)/\(file)")) }
}
