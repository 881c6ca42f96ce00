import Glibc
import TestSupport
import Testing
import Warren

/// A registry over HTTP, and clients that somebody else has written.
@Suite("Over HTTP, as others speak it, a registry")
struct ForeignHTTPTests {
  static let hasCurl = system("command -v curl >/dev/null 2>&1") == 0
  static let hasPython = system("python3 -c 'import http.client, json' 2>/dev/null") == 0

  private func run(_ body: (String, UInt16) async throws -> Void) async throws {
    let machine = LocalMachine(name: "registry")
    var configuration = Registry.Configuration()
    configuration.permitsLoopback = true
    let server = RegistryHTTPServer(of: Registry(on: machine, configuration))
    let address = try await server.start(at: .loopback(.v4))
    try await Folder.with { folder in try await body(folder, address.port) }
    await server.stop()
    await machine.close()
    #expect(try await machine.run { machine.openHandles } == 0)
  }

  /// What curl says: its output, and the code it ends with.
  private func curl(_ words: String, in folder: String) -> (text: String, code: CInt) {
    let end = system("curl --silent --show-error --max-time 20 \(words) >\(folder)/out 2>&1")
    return (Folder.text(of: folder + "/out") ?? "", end >> 8)
  }

  @Test("answers curl", .enabled(if: hasCurl, "there is no curl: Scripts/interop.sh"))
  func curl() async throws {
    try await run { folder, port in
      let base = "http://127.0.0.1:\(port)"
      let body =
        #"'{"id":"zoë","candidates":[{"ip":"127.0.0.1","port":9000},{"ip":"192.168.1.2","port":9000}]}'"#
      #expect(curl("-d \(body) \(base)/register", in: folder).text == "{\"status\":\"registered\"}\n")
      let found =
        "{\"id\":\"zoë\",\"candidates\":[{\"ip\":\"127.0.0.1\",\"port\":9000},{\"ip\":\"192.168.1.2\",\"port\":9000}]}"
      #expect(curl("-G --data-urlencode id=zoë \(base)/peer", in: folder).text == found + "\n")
      #expect(curl("\(base)/peer?id=zoë", in: folder).text == found + "\n")
      // The second question comes over the same connection.
      let both = curl("-w '%{num_connects}\\n' \(base)/peers \(base)/peers", in: folder).text
      #expect(both == "[\(found)]\n1\n[\(found)]\n0\n")
      #expect(curl("-I \(base)/peers", in: folder).text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(curl("-0 \(base)/healthz", in: folder).text == "{\"status\":\"ok\"}\n")
      #expect(curl("-w '%{http_code}' -o \(folder)/body -X PATCH \(base)/peers", in: folder).text == "405")
      #expect(curl("-w '%{http_code}' -o \(folder)/body \(base)/peer?id=x", in: folder).text == "404")
      #expect(curl("--fail \(base)/metrics", in: folder).text.contains("warren_registry_peers 1\n"))
      #expect(
        curl("-H 'Expect: 100-continue' -d \(body) \(base)/register", in: folder).text.contains("registered"))
      #expect(
        curl(
          "-w '%{http_code}' -o \(folder)/body -H 'Transfer-Encoding: chunked' -d \(body) \(base)/register",
          in: folder
        )
        .text == "501")
      // A file of 100 MB that takes no place.
      #expect(system("truncate -s 100M \(folder)/large") == 0)
      let large = curl(
        "-w '%{http_code}' -o \(folder)/body -T \(folder)/large -X POST \(base)/register", in: folder)
      #expect(large.text.hasPrefix("413"))
    }
  }

  @Test("answers Python's client", .enabled(if: hasPython, "there is no python3"))
  func python() async throws {
    try await run { folder, port in
      Folder.put(
        """
        import http.client, json
        c = http.client.HTTPConnection("127.0.0.1", \(port), timeout=20)

        def ask(method, target, value=None, status=200):
            c.request(method, target, None if value is None else json.dumps(value), {"Content-Type": "application/json"})
            answer = c.getresponse()
            text = answer.read()
            assert answer.status == status, (method, target, answer.status, text)
            return answer, json.loads(text) if text else None

        c.connect()
        socket = c.sock
        own = {"ip": "127.0.0.1", "port": 9000}
        peer = {"id": "a \\u2603", "candidates": [own], "timestamp": "0001-01-01T00:00:00Z"}
        assert ask("POST", "/register", peer)[1] == {"status": "registered"}
        assert ask("GET", "/peer?id=a%20%E2%98%83")[1] == {"id": "a \\u2603", "candidates": [own]}
        assert ask("GET", "/peers")[1] == [{"id": "a \\u2603", "candidates": [own]}]
        assert "error" in ask("GET", "/peer?id=b", status=404)[1]
        assert "error" in ask("POST", "/register", {"id": 1}, 400)[1]
        assert "error" in ask("POST", "/register", {"id": "b", "candidates": [{"ip": "8.8.8.8", "port": 1}]}, 400)[1]
        answer = ask("DELETE", "/peers", status=405)[0]
        assert answer.getheader("Allow") == "GET, HEAD"
        assert int(ask("HEAD", "/peers")[0].getheader("Content-Length")) > 0
        assert c.sock is socket, "it was one connection for all"
        """, at: folder + "/client.py")
      #expect(
        system("timeout 30 python3 \(folder)/client.py >\(folder)/out 2>&1") == 0,
        "\(Folder.text(of: folder + "/out") ?? "")")
    }
  }

  @Test(
    "brings two together who ask as the original's clients do", .enabled(if: hasPython, "there is no python3")
  )
  func pairing() async throws {
    let machine = LocalMachine(name: "pairing")
    let server = PairingServer(on: machine)
    let port = try await server.start(at: .loopback(.v4)).port
    try await Folder.with { folder in
      Folder.put(
        """
        import json, socket, sys, threading
        place = ("127.0.0.1", \(port))

        def meet(target, protocol, answers, waits):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.settimeout(20)
            udp.bind(("0.0.0.0", 0))
            udp.sendto(b"ping", place)
            own = udp.recvfrom(1024)[0].decode()
            tcp = socket.create_connection(place, 20)
            tcp.sendall((json.dumps({"uuid": "key", "target_ip": target, "protocol": protocol, "address": own}) + "\\n").encode())
            waits()
            answers.append((own, json.loads(tcp.makefile().readline())))

        waiting, asking = [], []
        sent = threading.Event()
        one = threading.Thread(target=meet, args=("127.0.0.1", "udp", waiting, sent.set))
        one.start()
        sent.wait()
        # Whoever asks too early is told so at once, and asks again.
        while not asking or "error" in asking[-1][1]:
            meet("", "", asking, lambda: None)
        one.join()
        assert waiting[0][1] == {"protocol": "udp", "peer_address": asking[-1][0]}, waiting
        assert asking[-1][1] == {"protocol": "udp", "peer_address": waiting[0][0]}, asking
        """, at: folder + "/client.py")
      #expect(
        system("timeout 30 python3 \(folder)/client.py >\(folder)/out 2>&1") == 0,
        "\(Folder.text(of: folder + "/out") ?? "")")
    }
    await server.stop()
    await machine.close()
    #expect(try await machine.run { machine.openHandles } == 0)
  }
}
