/// What has come over HTTP, and how it was answered.
struct HTTPCounters {
  private struct Answer: Hashable {
    var path: RegistryHTTP.Path?
    var status: HTTPStatus
  }

  var accepted = 0
  var displaced = 0
  private var answers: [Answer: Int] = [:]

  /// Counts an answer. Paths that are not known are one: else whoever asks would decide how many there are.
  mutating func count(_ path: String?, _ status: HTTPStatus) {
    answers[Answer(path: path.flatMap { RegistryHTTP.Path(rawValue: $0) }, status: status), default: 0] += 1
  }

  func connections(_ count: Int) -> Metric {
    Metric(.gauge, "warren_http_connections", "Connections that are open now.", count: count)
  }

  var metrics: [Metric] {
    var metrics = [
      Metric(.counter, "warren_http_connections_total", "Connections that were accepted.", count: accepted),
      Metric(
        .counter, "warren_http_connections_displaced_total", "Connections that made room for others.",
        count: displaced),
    ]
    let sorted = answers.map {
      (path: $0.key.path?.rawValue ?? "other", code: $0.key.status.rawValue, count: $0.value)
    }
    .sorted { ($0.path, $0.code) < ($1.path, $1.code) }
    for answer in sorted {
      metrics.append(
        Metric(
          .counter, "warren_http_requests_total", "Requests, by path and by status.",
          [.init("path", answer.path), .init("code", "\(answer.code)")], count: answer.count))
    }
    return metrics
  }
}
