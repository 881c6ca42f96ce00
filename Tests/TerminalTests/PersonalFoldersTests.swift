import Testing

@testable import WarrenTerminal

@Suite("Where a person's files lie")
struct PersonalFoldersTests {
  private func folders(_ environment: [String: String]) throws -> [String] {
    let folders = try PersonalFolders(of: "warren") { environment[$0] }
    return [folders.configuration, folders.state, folders.data]
  }

  @Test("they are where the specification says, or where the person wants them")
  func places() throws {
    #expect(
      try folders(["HOME": "/home/a"]) == [
        "/home/a/.config/warren", "/home/a/.local/state/warren", "/home/a/.local/share/warren",
      ])
    let wishes = ["XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s/", "XDG_DATA_HOME": "/d"]
    #expect(try folders(wishes) == ["/c/warren", "/s/warren", "/d/warren"])
  }

  @Test("a path that begins nowhere, or is empty, counts for nothing")
  func relative() throws {
    let wishes = ["HOME": "/home/a/", "XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": "", "XDG_DATA_HOME": "./d"]
    #expect(
      try folders(wishes) == [
        "/home/a/.config/warren", "/home/a/.local/state/warren", "/home/a/.local/share/warren",
      ])
  }

  @Test("who has no home is told what to set")
  func homeless() {
    #expect(throws: PersonalFolderError.noHome("XDG_CONFIG_HOME")) { try folders([:]) }
    #expect(throws: PersonalFolderError.noHome("XDG_STATE_HOME")) {
      try folders(["HOME": "somewhere", "XDG_CONFIG_HOME": "/c"])
    }
  }
}
