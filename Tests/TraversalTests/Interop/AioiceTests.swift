import Glibc
import TestSupport
import Testing
import Warren

/// Ours and aioice's agent, which somebody else has written, in a network namespace of their own.
@Suite("An agent of aioice's")
struct AioiceTests {
  private static let python = Folder.repository + "/.build/interop/bin/python"

  static let obstacle: String? =
    OwnNetwork.obstacle
    ?? (access(python, X_OK) == 0 ? nil : "aioice is not there: Scripts/interop.sh")

  @Test(
    "meets ours by SDP, whoever decides, and data goes both ways",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")),
    arguments: [ICECore.Role.controlling, .controlled])
  func meets(role: ICECore.Role) async throws {
    try await Folder.with { folder in
      let network = OwnNetwork.make(
        "ip link add eth0 type veth peer name eth1", "ip addr add 10.88.0.1/24 dev eth0",
        "ip link set eth0 up && ip link set eth1 up",
        "until ip link show eth0 | grep -q 'state UP'; do sleep 0.02; done")
      #expect(network.failure == nil)
      let machine = try #require(network.machine)
      let theirs = role == .controlling ? "controlled" : "controlling"
      let agent = Folder.repository + "/Tests/TraversalTests/Interop/aioice_agent.py"
      let command =
        "nsenter --net=/proc/\(try await network.threadNumber())/ns/net \(Self.python) \(agent) \(theirs) \(folder)"
      #expect(
        system("{ \(command) >\(folder)/log 2>&1; echo $? >\(folder)/end; } & echo $! >\(folder)/pid") == 0)

      var configuration = PunchConfiguration()
      configuration.ice = .standard
      configuration.search = nil
      configuration.families = [.v4]
      let puncher = HolePuncher(on: machine, role: role, configuration)
      try await puncher.start()
      let description = try #require(await puncher.firstDescription)
      Folder.put(description.sdp(), at: folder + "/warren.part")
      #expect(rename(folder + "/warren.part", folder + "/warren.sdp") == 0)
      let reading = try ICEDescription.reading(
        sdp: try await Folder.line(of: folder + "/aioice.sdp", on: machine))
      #expect(reading.refused.isEmpty && !reading.description.candidates.isEmpty)
      await puncher.receive(PunchSignal(.description(reading.description)))
      await puncher.receive(PunchSignal(.complete))

      try await machine.run {
        try await machine.withDeadline(.seconds(15)) {
          let connection = try await puncher.connection()
          for number in 0..<20 {
            try await connection.send(Array("number \(number)".utf8))
            var received: [UInt8]?
            for await datagram in connection.datagrams {
              received = datagram
              break
            }
            #expect(received == Array("number \(number)".utf8.reversed()))
          }
          try await connection.send(Array("end".utf8))
        }
      }
      #expect(await puncher.selectedPath?.remote.ip == IPAddress(10, 88, 0, 1))
      #expect(
        try await Folder.line(of: folder + "/end", on: machine) == "0\n",
        "\(Folder.text(of: folder + "/log") ?? "")")
      await puncher.close()
      await machine.close()
    }
  }
}
