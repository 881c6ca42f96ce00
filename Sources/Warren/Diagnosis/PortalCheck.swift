import WarrenMachine

/// Looks whether a network answers in the place of others, until somebody has read a page of it and agreed: as hotels and trains do.
///
/// It asks over plain HTTP for a page whose only right answer is an empty one (204), such as operating systems have.
public struct PortalCheck: Hashable, Sendable {
  /// Whose page it is.
  public let host: String
  /// At which port.
  public let port: UInt16
  /// Which page.
  public let path: String

  /// The page at `http://HOST:PORT/PATH`; nil where `url` is not written so.
  public init?(url: String) {
    guard url.lowercased().hasPrefix("http://"), !url.unicodeScalars.contains(where: { $0.value <= 32 })
    else {
      return nil
    }
    let rest = url.dropFirst(7)
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    let place = rest[..<end]
    path = end == rest.endIndex ? "/" : String(rest[end...])
    if let address = try? SocketAddress(place) {
      (host, port) = ("\(address.ip)", address.port)
    } else {
      let parts = place.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, !parts[0].isEmpty, let port = parts.count == 2 ? UInt16(parts[1]) : 80 else {
        return nil
      }
      (host, self.port) = (String(parts[0]), port)
    }
  }

  func run(on machine: any Machine) async throws -> NetworkReport.Portal {
    do {
      return try await machine.withDeadline(DiagnosisLimits.page) { try await ask(on: machine) }
    } catch let error as CancellationError {
      throw error
    } catch {
      return .unknown(because: "\(error)")
    }
  }

  private func ask(on machine: any Machine) async throws -> NetworkReport.Portal {
    let ips = try await machine.resolve(host)
    guard let ip = ips.first else { throw NetworkError.nameNotFound(host) }
    let connection = try await machine.connectTCP(to: SocketAddress(ip, port: port))
    defer { connection.close() }
    let name = host.contains(":") ? "[\(host)]" : host
    try await connection.write(
      Array("GET \(path) HTTP/1.1\r\nHost: \(name)\r\nConnection: close\r\nUser-Agent: warren\r\n\r\n".utf8))
    var answer: [UInt8] = []
    while answer.count < DiagnosisLimits.pageBytes, let bytes = try await connection.read() {
      answer += bytes
      if Self.head(of: answer) != nil { break }
    }
    return Self.verdict(on: answer)
  }

  private static func head(of answer: [UInt8]) -> String? {
    let text = String(decoding: answer, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? String(parts[0]) : nil
  }

  /// What an answer says.
  static func verdict(on answer: [UInt8]) -> NetworkReport.Portal {
    guard let head = head(of: answer) else { return .unknown(because: "what answers speaks no HTTP") }
    let lines = head.split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count > 1, words[0].hasPrefix("HTTP/1."), let code = Int(words[1]) else {
      return .unknown(because: "what answers speaks no HTTP")
    }
    if code == 204 { return .none }
    let location = lines.first { $0.lowercased().hasPrefix("location:") }
    return .found(page: location.map { String($0.dropFirst(9).drop { $0 == " " }) })
  }
}
