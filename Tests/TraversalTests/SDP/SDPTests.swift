import Testing
import Warren

@Suite("SDP")
struct SDPTests {
  /// As a browser writes it: sessions, media, names that hide addresses, extensions.
  private static let browser = """
    v=0
    o=- 4611731400430051336 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE 0
    a=extmap-allow-mixed
    a=msid-semantic: WMS
    m=application 58712 UDP/DTLS/SCTP webrtc-datachannel
    c=IN IP4 192.0.2.33
    a=candidate:3461111247 1 udp 2113937151 77c1b2d7-5f1a-4b9d-8a58-3d4c41a9e4d1.local 58712 typ host generation 0 network-cost 999
    a=candidate:842163049 1 udp 1677729535 192.0.2.33 58712 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
    a=candidate:1876313031 1 tcp 1518280447 192.0.2.33 9 typ host tcptype active generation 0
    a=ice-ufrag:EsAw
    a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
    a=ice-options:trickle
    a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24
    a=setup:actpass
    a=mid:0
    a=sctp-port:5000
    """

  /// As libnice writes it: several components, and a proto of its own.
  private static let libnice = """
    m=text 40404 ICE/SDP
    c=IN IP4 198.51.100.7
    a=ice-ufrag:2NVF
    a=ice-pwd:hC0D7y3TtU8p7cqvTrDQvz
    a=candidate:1 1 UDP 2015363327 10.0.0.5 40404 typ host
    a=candidate:2 1 TCP 1015021823 10.0.0.5 9 typ host tcptype active
    a=candidate:3 1 TCP 1010827519 10.0.0.5 46027 typ host tcptype passive
    a=candidate:4 1 UDP 2015363583 2001:db8::5 42003 typ host
    a=candidate:7 1 UDP 1679819007 198.51.100.7 40404 typ srflx raddr 10.0.0.5 rport 40404
    """

  @Test("of a browser is read, and the name in it refused in its line")
  func fromBrowser() throws {
    let reading = try ICEDescription.reading(sdp: Self.browser)
    let description = reading.description
    #expect(description.usernameFragment == "EsAw")
    #expect(description.password == "P2uYro0UCOQ4zxjKXaWCBui1")
    #expect(description.options == ["trickle"])
    #expect(description.candidates.count == 2)
    #expect(description.candidates[0].kind == .serverReflexive)
    #expect(try description.candidates[0].address == SocketAddress(IPAddress("192.0.2.33"), port: 58712))
    #expect(description.candidates[1].transport == .tcpActive)
    #expect(reading.refused == [SDPError(line: 10, problem: .candidate(.name))])
    #expect(reading.refused[0].description.hasPrefix("line 10: the candidate is of no use: it has a name"))
  }

  @Test("of libnice is read, with lines that end in either way")
  func fromLibnice() throws {
    for text in [Self.libnice, Self.libnice.split(separator: "\n").joined(separator: "\r\n")] {
      let description = try ICEDescription(sdp: text)
      #expect(description.candidates.map(\.transport) == [.udp, .tcpActive, .tcpPassive, .udp, .udp])
      #expect(description.candidates[3].address.ip.family == .v6)
      #expect(description.candidates[4].relatedAddress?.port == 40404)
    }
  }

  @Test("comes back as it was written")
  func roundTrip() throws {
    let addresses = try ["192.0.2.1", "2001:db8::1", "10.1.2.3"].map { try IPAddress($0) }
    var candidates: [Candidate] = []
    for (number, kind) in Candidate.Kind.allCases.enumerated() {
      for transport in Candidate.Transport.allCases {
        let ip = addresses[number % 3]
        candidates.append(
          Candidate(
            kind, over: transport, at: SocketAddress(ip, port: UInt16(1000 + number)),
            relatedTo: kind == .host ? nil : SocketAddress(addresses[0], port: 7),
            priority: Candidate.priority(kind, transport, localPreference: 65_535),
            foundation: "f\(number)"))
      }
    }
    for isComplete in [false, true] {
      let description = ICEDescription(
        usernameFragment: "abcd", password: "0123456789012345678901", isLite: isComplete,
        pacing: .milliseconds(20),
        candidates: candidates, isComplete: isComplete)
      #expect(try ICEDescription(sdp: description.sdp()) == description)
      var fragment = try ICEDescription(sdp: description.sdpFragment)
      fragment.isLite = isComplete
      #expect(fragment == description)
    }
    for candidate in candidates { #expect(try Candidate(sdp: "a=" + candidate.sdp) == candidate) }
  }

  @Test("has as its default the candidate that works most often, and says so where there is none")
  func defaultCandidate() throws {
    var description = ICEDescription(usernameFragment: "abcd", password: "0123456789012345678901")
    #expect(description.sdp().contains("\r\nm=application 9 udp *\r\nc=IN IP4 0.0.0.0\r\n"))
    for kind in [Candidate.Kind.host, .serverReflexive, .relayed] {
      let ip = try IPAddress("192.0.2.\(kind.rawValue + 1)")
      description.candidates.append(
        Candidate(kind, at: SocketAddress(ip, port: 4000), priority: 1, foundation: "1"))
      #expect(description.sdp().contains("\r\nm=application 4000 udp *\r\nc=IN IP4 \(ip)\r\n"))
    }
  }

  @Test("keeps what a stream says over what all of them say, and reads the first alone")
  func levels() throws {
    let text = """
      v=0
      a=ice-ufrag:session
      a=ice-pwd:sessionsessionsessionsession
      m=audio 9 RTP/AVP 0
      a=ice-ufrag:media
      m=video 9 RTP/AVP 0
      a=ice-ufrag:other
      a=candidate:1 1 udp 1 192.0.2.1 1 typ host
      """
    let description = try ICEDescription(sdp: text)
    #expect(description.usernameFragment == "media")
    #expect(description.password == "sessionsessionsessionsession")
    #expect(description.candidates.isEmpty)
  }

  @Test("that is none is refused with its line")
  func notSDP() throws {
    func problem(_ text: String) -> SDPError? {
      do { _ = try ICEDescription(sdp: text) } catch { return error }
      return nil
    }
    #expect(problem("")?.problem == .missing("ice-ufrag"))
    #expect(problem("a=ice-ufrag:abcd")?.problem == .missing("ice-pwd"))
    #expect(problem("v=0\nhello, is this the chat?\n") == SDPError(line: 2, problem: .notSDP))
    #expect(problem("{\"sdp\": \"v=0\"}") == SDPError(line: 1, problem: .notSDP))
    #expect(problem("v=0\n\n\nV=0") == SDPError(line: 4, problem: .notSDP))
    #expect(problem("v=0\na=ice-ufrag:abc")?.line == 2)
    #expect(problem("a=ice-ufrag:ab cd")?.line == 1)
    #expect(problem("a=ice-pwd:short")?.line == 1)
    #expect(problem("a=ice-pwd:" + String(repeating: "x", count: 257))?.line == 1)
    #expect(problem("a=ice-pacing:soon")?.line == 1)
    #expect(
      problem("v=0\na=" + String(repeating: "x", count: 2000)) == SDPError(line: 2, problem: .lineTooLong))
    #expect(problem(String(repeating: "a=x\n", count: 2000))?.problem == .tooLong)
    #expect(problem(String(repeating: "x", count: 70_000))?.problem == .tooLong)
  }

  @Test(
    "has candidates that are of no use, each with its reason",
    arguments: [
      ("", .tooShort), ("1 1 udp 1 192.0.2.1 1 typ", .tooShort), ("1 1 udp 1 192.0.2.1 1 type host", .kind),
      ("1 1 udp 1 192.0.2.1 1 typ guest", .kind), ("! 1 udp 1 192.0.2.1 1 typ host", .foundation),
      ("123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host", .foundation),
      ("1 0 udp 1 192.0.2.1 1 typ host", .component), ("1 257 udp 1 192.0.2.1 1 typ host", .component),
      ("1 1 sctp 1 192.0.2.1 1 typ host", .transport), ("1 1 tcp 1 192.0.2.1 1 typ host", .tcpType),
      ("1 1 tcp 1 192.0.2.1 1 typ host tcptype both", .tcpType),
      ("1 1 udp 0 192.0.2.1 1 typ host", .priority),
      ("1 1 udp 2147483648 192.0.2.1 1 typ host", .priority), ("1 1 udp -1 192.0.2.1 1 typ host", .priority),
      ("1 1 udp 1 example.net 1 typ host", .name), ("1 1 udp 1 192.0.2.1 65536 typ host", .port),
      ("1 1 udp 1 192.0.2.1 0x1 typ host", .port), ("1 1 udp 1 192.0.2.1 0 typ host", .refused(.noPort)),
      ("1 1 udp 1 0.0.0.0 1 typ host", .refused(.unspecified)),
      ("1 1 udp 1 :: 1 typ host", .refused(.unspecified)),
      ("1 1 udp 1 224.0.0.1 1 typ host", .refused(.multicast)),
      ("1 1 udp 1 ff02::1 1 typ host", .refused(.multicast)),
      ("1 1 udp 1 255.255.255.255 1 typ host", .refused(.broadcast)),
      ("1 1 udp 1 127.0.0.1 1 typ host", .refused(.loopback)),
      ("1 1 udp 1 ::1 1 typ host", .refused(.loopback)),
      ("1 1 udp 1 ::ffff:192.0.2.1 1 typ host", .refused(.disguised)),
    ] as [(String, CandidateFault)])
  func badCandidates(line: String, fault: CandidateFault) throws {
    let text = "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=candidate:" + line
    let reading = try ICEDescription.reading(sdp: text)
    #expect(reading.description.candidates.isEmpty)
    #expect(reading.refused == [SDPError(line: 3, problem: .candidate(fault))])
    #expect(!reading.refused[0].description.isEmpty)
  }

  @Test("on one machine with what it tells may name loopback addresses")
  func loopback() throws {
    let text =
      "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\na=candidate:1 1 udp 1 127.0.0.1 1 typ host"
    let reading = try ICEDescription.reading(sdp: text, allowingLoopback: true)
    #expect(
      reading.description.candidates.map(\.address) == [SocketAddress(IPAddress(127, 0, 0, 1), port: 1)])
    #expect(reading.refused.isEmpty)
  }

  @Test("with thousands of candidates gives no more than there may be")
  func thousands() throws {
    let line = (0..<900).map { "a=candidate:\($0) 1 udp 1 192.0.2.1 \($0 + 1) typ host\n" }.joined()
    let reading = try ICEDescription.reading(
      sdp: "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n" + line)
    #expect(reading.description.candidates.count == ICELimits.remoteCandidates)
    #expect(reading.refused.count == SDPLimits.refusals)
    #expect(reading.refused[0].problem == .candidate(.refused(.tooMany)))
  }

  @Test("hides what is not to be told behind the address that stands for none")
  func hidden() throws {
    let candidate = Candidate(
      .serverReflexive, at: SocketAddress(try IPAddress("192.0.2.1"), port: 1), priority: 1, foundation: "1")
    #expect(candidate.sdp.hasSuffix("typ srflx raddr 0.0.0.0 rport 9"))
  }
}
