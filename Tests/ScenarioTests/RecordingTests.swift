import Foundation
import TestSupport
import Testing
import Warren
import WarrenScenarios
import WarrenSimulator

@Suite("What is recorded of a scenario")
struct RecordingTests {
  private final class Record: @unchecked Sendable {
    // Each is written by the thread of one run, and read after it.
    var capture: [UInt8] = []
    var qlogs: [String: [UInt8]] = [:]
  }

  private func run(
    _ name: String, seed: UInt64 = 1
  ) async throws -> (record: Record, file: PcapngFile, outcome: Scenario.Outcome) {
    let record = Record()
    var options = Scenario.Options()
    options.capture = { record.capture += $0 }
    options.qlog = { name in { record.qlogs[name, default: []] += $0 } }
    let outcome = try await Scenario(named: name).run(seed: seed, options)
    return (record, try PcapngFile(record.capture), outcome)
  }

  @Test("changes nothing in its run", arguments: ["home-home", "no-udp", "degraded-rough"])
  func changesNothing(name: String) async throws {
    let alone = try await Scenario(named: name).run(seed: 2)
    let recorded = try await run(name, seed: 2).outcome
    #expect(alone.trace.hash == recorded.trace.hash && recorded.isGood)
  }

  @Test("is the same for the same seed but for what TLS draws: sizes, times and places")
  func determinism() async throws {
    let (one, other) = (try await run("home-home-loss").file, try await run("home-home-loss").file)
    #expect(one.interfaces == other.interfaces && !one.interfaces.contains("director"))
    #expect(one.packets.count == other.packets.count)
    for (left, right) in zip(one.packets, other.packets) {
      #expect(left.time == right.time && left.bytes.count == right.bytes.count)
      #expect(
        left.interface == right.interface && left.number == right.number && left.comment == right.comment)
    }
    #expect(one.secrets.map(\.utf8.count) == other.secrets.map(\.utf8.count))
  }

  @Test("has the secrets of both ends of each connection, QUIC's and those of TLS where UDP is blocked")
  func secrets() async throws {
    for name in ["home-home", "no-udp"] {
      let file = try await run(name).file
      let lines = file.secrets.joined().split(separator: "\n").map(String.init)
      // Two peers with their registry, and with each other.
      let labels = ["CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "]
      for label in labels {
        let found = lines.filter { $0.hasPrefix(label) }
        #expect(Set(found).count >= 3 && found.count == 2 * Set(found).count, "\(name): \(found)")
      }
    }
  }

  @Test("is a qlog of each end of a connection, in the simulation's time")
  func qlogs() async throws {
    let (record, _, outcome) = try await run("home-home")
    let ends = ["alice-client-1", "bob-client-1", "registry-server-1", "registry-server-2"]
    #expect(Set(ends).isSubset(of: record.qlogs.keys))
    let last = try #require(outcome.trace.count > 0 ? record.qlogs : nil)
    for (name, bytes) in last {
      // Each record stands behind a separator (RFC 7464).
      let records = bytes.split(separator: 0x1E)
      var (before, sent) = (0.0, 0)
      for (place, record) in records.enumerated() {
        let value = try JSONSerialization.jsonObject(with: Data(record))
        let object = try #require(value as? [String: Any])
        guard place > 0 else {
          #expect(object["qlog_format"] as? String == "JSON-SEQ")
          continue
        }
        let time = try #require(object["time"] as? Double)
        #expect(time >= before && time < 600_000, "\(name)")
        before = time
        if object["name"] as? String == "transport:packet_sent" { sent += 1 }
      }
      #expect(sent > 0 && before > 1000, "\(name) ends after \(before) ms")
    }
  }
}
