/// Why a request is not answered with what it asks for.
package struct HTTPError: Error, Hashable, Sendable {
  /// What the client's program is told.
  package var status: HTTPStatus
  /// What a person is told.
  package var reason: String

  init(_ status: HTTPStatus, _ reason: String) {
    self.status = status
    self.reason = reason
  }
}

extension HTTPError {
  init(_ error: RegistryError) {
    let status: HTTPStatus =
      switch error.code {
      case .badName, .badAddress, .badKey, .badMessage: .badRequest
      case .nameTaken, .keyInUse: .conflict
      case .notRegistered, .nobodyWaits, .nobodyAsked: .notFound
      case .tooFast: .tooManyRequests
      case .denied: .forbidden
      case .full, .notReachable, .away, .noRegistry, .other: .serviceUnavailable
      }
    self.init(status, error.reason)
  }
}
