import Warren
import WarrenOptions
import WarrenScenarios
import WarrenTerminal

/// What every command takes that is a peer.
enum PeerWords {
  static let registry = Option<RegistryAddress?>(
    "registry", short: "r", .registry, "by whom others are found; WARREN_REGISTRY says it as well")
  static let key = Option<String?>(
    "key", short: "k", .file,
    "where this one's key is kept, a new one where there is none: your own otherwise")
  static let port = Option("port", short: "p", .ownPort, "the local port, 0 being any", default: 0)
  static let loopback = Option.flag("loopback", "use ways within this computer, too")
  static let paths = Option(
    "paths", .oneOf("WAYS", [Peer.Paths.any, .direct, .relayed]) { "\($0)" }, "which ways may be used",
    default: .any)
  static let search = Option(
    "search", .choice("SEARCH"), "how eagerly a port is looked for that a NAT hides",
    default: WarrenScenarios.Program.Search.normal)
  static let stun = Option<[HostPlace]>.repeated(
    "stun", .host.named(example: "stun.example.org:3478"),
    "a STUN server besides the registry, at port 3478 if none is named")
  static let relay = Option<[RelayServerAddress]>.repeated(
    "relay", .relay, "a relay besides the registry's")
  static let relayUser = Option<String?>("relay-user", .text.named("USER"), "who one is there")
  static let relayPassword = Option<String?>("relay-password", .text.named("PASSWORD"), "what proves it")
  /// For those who are called; not among ``all``.
  static let name = Option<String?>(
    "name", .text.named("NAME"), "what others may call this one at the registry")
  static let patience = Option(
    "patience", .duration(.milliseconds(100) ... .seconds(86_400)), "how long connecting may take",
    default: .seconds(30))

  /// For ``CommandDescription/options``.
  static let all: [any DeclaredOption] =
    [registry, key, port, loopback, paths, search, stun, relay, relayUser, relayPassword, patience]
    + LogWords.all
  static let rules: [OptionRule] = [
    .together([relayUser, relayPassword]), .needs(relayUser, oneOf: [relay]),
  ]
}
