import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("An HTTP response")
struct HTTPResponseTests {
  @Test("is a line, fields and a body, of which HEAD gets the first two")
  func bytes() {
    var response = HTTPResponse(["status": "ok"])
    response.fields.append(HTTPField("Link", "<a>"))
    let head =
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\nContent-Length: 16\r\nLink: <a>\r\n"
    let time = Duration.seconds(784_111_777)
    #expect(String(decoding: response.bytes(at: time), as: UTF8.self) == head + "\r\n{\"status\":\"ok\"}\n")
    #expect(
      String(decoding: response.bytes(at: time, closes: true, isHeadOnly: true), as: UTF8.self)
        == head + "Connection: close\r\n\r\n")
  }

  @Test("says why not, in JSON, whatever is in it")
  func refusals() {
    let response = HTTPResponse(HTTPError(.conflict, "the name \"a\\b\" is taken/…"))
    #expect(response.status == .conflict)
    #expect(
      String(decoding: response.body, as: UTF8.self) == "{\"error\":\"the name \\\"a\\\\b\\\" is taken/…\"}\n"
    )
  }

  @Test(
    "says when it was given",
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
      (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (4_107_456_000, "Sun, 28 Feb 2100 00:00:00 GMT"),
    ])
  func dates(seconds: Int, text: String) { #expect(httpDate(.seconds(seconds)) == text) }

  @Test("tells metrics as Prometheus reads them")
  func metrics() {
    let metrics = [
      Metric(.gauge, "a", "How many\nof \\ \"them\".", count: 3),
      Metric(.counter, "b", "Others.", [.init("x", "1"), .init("y", "q\"\\\n")], value: 0.5),
      Metric(.gauge, "a", "How many\nof \\ \"them\".", [.init("k", "v")], value: .infinity),
    ]
    #expect(
      metrics.prometheusText == """
        # HELP a How many\\nof \\\\ "them".
        # TYPE a gauge
        a 3
        a{k="v"} +Inf
        # HELP b Others.
        # TYPE b counter
        b{x="1",y="q\\"\\\\\\n"} 0.5

        """)
  }
}
