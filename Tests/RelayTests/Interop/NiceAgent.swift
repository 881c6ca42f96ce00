import Glibc
import TestSupport
import Testing
import Warren

/// An ICE agent of libnice's, in a program of its own: `Tests/Interop/nice_agent.c` says what it does.
struct NiceAgent {
  private static let program = Folder.repository + "/.build/interop-libnice/nice_agent"

  static let obstacle: Comment? =
    access(program, X_OK) == 0
    ? nil : "the program that uses libnice is not built: apt-get install libnice-dev, then Scripts/interop.sh"

  private let folder: String

  /// Starts it with our description, which it reads as soon as it has told its own.
  init(_ role: ICECore.Role, _ description: ICEDescription, _ options: [String], in folder: String) {
    self.folder = folder
    Folder.put(description.sdp(), at: folder + "/ours.sdp")
    let words = ([Self.program] + options + [role == .controlling ? "controlling" : "controlled"])
      .joined(separator: " ")
    let run = "sh -c 'echo $$ >pid; exec \(words)' <ours.sdp >said 2>errors; echo $? >end"
    #expect(system("cd \(folder) && { \(run); } &") == 0)
  }

  /// What it is told of a server that relays for it; with `-R` besides, it goes by nothing else.
  static func options(_ server: RelayServerAddress) -> [String] {
    ["-t", "\(server.host):\(server.port)", "-u", server.username, "-p", server.password]
      + (server.transport == .tcp ? ["-T"] : [])
  }

  /// What it tells, once it has told all.
  func description(on machine: any Machine) async throws -> ICEDescription {
    let text = try await text(until: "a=end-of-candidates\n", on: machine)
    let reading = try ICEDescription.reading(sdp: text, allowingLoopback: true)
    #expect(reading.refused.isEmpty && reading.description.isComplete, "\(text)")
    return reading.description
  }

  /// What it says at its end.
  func report(on machine: any Machine) async throws -> String {
    let text = try await text(until: "\nanswered ", on: machine)
    return text.split(separator: "\n").last.map(String.init) ?? text
  }

  private func text(until mark: String, on machine: any Machine) async throws -> String {
    while true {
      // It may end between two looks, and has said all before.
      let code = Folder.text(of: folder + "/end")
      let text = Folder.text(of: folder + "/said") ?? ""
      if text.contains(mark), text.hasSuffix("\n") { return text }
      try #require(
        code == nil,
        "it has ended with \(code ?? ""): \(Folder.text(of: folder + "/errors") ?? "") after \(text.suffix(200))"
      )
      try await machine.sleep(for: .milliseconds(10))
    }
  }

  /// Ends it, unless it has ended by itself.
  func end() {
    if Folder.text(of: folder + "/end") == nil { _ = system("kill -KILL $(cat \(folder)/pid) 2>/dev/null") }
  }
}

/// The datagrams that the program sends and expects, written here once more: a letter, a number, and what follows from that.
struct NumberedDatagram {
  static let question = UInt8(ascii: "Q")
  static let answer = UInt8(ascii: "A")
  static let end = [UInt8(ascii: "E")]

  static func bytes(_ letter: UInt8, _ number: Int) -> [UInt8] {
    let filling = (3..<3 + number * 37 % 1097).map { UInt8(truncatingIfNeeded: number * 31 + $0 * 7) }
    return [letter, UInt8(number >> 8), UInt8(number & 255)] + filling
  }

  /// The number of one that is as it should be.
  static func number(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 3 else { return nil }
    let number = Int(bytes[1]) << 8 | Int(bytes[2])
    return bytes == Self.bytes(bytes[0], number) ? number : nil
  }
}
