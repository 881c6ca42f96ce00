import WarrenOptions

extension OptionsError {
  /// Nothing says where the registry is.
  static let noRegistry = OptionsError(
    .incomplete,
    "no registry is named: give --registry warren://HOST:PORT/KEY, or set WARREN_REGISTRY; "
      + "'warren serve' is one")
}
