import Foundation
import TestSupport
import Testing
import WarrenCrypto

@Suite("A key file")
struct KeyFileTests {
  static let seed = bytes(hex: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
  static var key: PrivateKey { PrivateKey(seed: seed.span.bytes)! }

  /// What the system says of the file itself, and not of what it leads to.
  static func status(of path: String) throws -> stat {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return status
  }

  // MARK: What is right

  @Test("is PEM as others write it, its owner's alone, and the only thing that is left")
  func writing() async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      try Self.key.write(toFile: path)
      #expect(Folder.text(of: path) == ForeignKeys.ed25519)
      let status = try Self.status(of: path)
      #expect(status.st_mode == S_IFREG | 0o600 && status.st_nlink == 1 && status.st_uid == geteuid())
      #expect(Folder.names(in: folder) == ["key"])
      #expect(try PrivateKey(readingFile: path).peerID == Self.key.peerID)
    }
  }

  @Test("gives back every key that it was given")
  func roundTrips() async throws {
    try await Folder.with { folder in
      var random = SeededRandom(5)
      for number in 0..<100 {
        let key = PrivateKey(using: &random)
        try key.write(toFile: "\(folder)/\(number)")
        let read = try PrivateKey(readingFile: "\(folder)/\(number)")
        #expect(read.peerID == key.peerID)
        #expect(read.sign(Self.seed.span.bytes) == key.sign(Self.seed.span.bytes))
      }
    }
  }

  @Test(
    "is read however it is laid out, with explanations around the key",
    arguments: [
      ForeignKeys.ed25519.replacingOccurrences(of: "\n", with: "\r\n"),
      String(ForeignKeys.ed25519.dropLast()),
      "The key of the box in the cellar\n\n" + ForeignKeys.ed25519 + "ED25519 Private-Key:\npriv: …\n",
      ForeignKeys.ed25519.replacingOccurrences(of: "MC4CAQAw", with: "MC4C\n \tAQAw\n"),
      ForeignKeys.certificate + "\n" + ForeignKeys.ed25519,
      ForeignKeys.ed25519 + ForeignKeys.rsa,
      ForeignKeys.ed25519 + String(repeating: "\n", count: 4096 - ForeignKeys.ed25519.utf8.count),
    ])
  func layouts(text: String) async throws {
    try await Folder.with { folder in
      Folder.put(text, at: folder + "/key")
      let key = try PrivateKey(readingFile: folder + "/key")
      #expect(key.peerID == Self.key.peerID)
    }
  }

  @Test("may be one that even its owner cannot write")
  func readOnly() async throws {
    try await Folder.with { folder in
      Folder.put(ForeignKeys.ed25519, at: folder + "/key", mode: 0o400)
      let key = try PrivateKey(readingFile: folder + "/key")
      #expect(key.peerID == Self.key.peerID)
    }
  }

  // MARK: What is refused when reading

  /// What reading `path` is refused with.
  static func refusal(_ path: String) -> KeyFileError? {
    do throws(KeyFileError) {
      _ = try PrivateKey(readingFile: path)
      return nil
    } catch {
      return error
    }
  }

  @Test("that does not exist is said not to")
  func missing() async throws {
    try await Folder.with { folder in
      #expect(Self.refusal(folder + "/key") == .notFound(folder + "/key"))
      #expect(Self.refusal(folder + "/no/key") == .notFound(folder + "/no/key"))
      #expect(Self.refusal("") == .badPath(""))
      Folder.put(ForeignKeys.ed25519, at: folder + "/key")
      #expect(Self.refusal(folder + "/key\0.pem") == .badPath(folder + "/key\0.pem"))
    }
  }

  @Test(
    "that others may use in any way is refused, with the way to close it",
    arguments: [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o666, 0o777, 0o440] as [mode_t])
  func openToOthers(mode: mode_t) async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      Folder.put(ForeignKeys.ed25519, at: path, mode: mode)
      let error = try #require(Self.refusal(path))
      #expect(error == .openToOthers(path, mode: mode))
      #expect(error.description.contains("chmod 600 \"\(path)\""))
      #expect(error.description.contains("mode \(String(mode, radix: 8))"))
      // What it says helps.
      #expect(system("chmod 600 \"\(path)\"") == 0)
      #expect(Self.refusal(path) == nil)
    }
  }

  @Test("that is a pipe is refused at once, and not waited for")
  func pipe() async {
    // In a process of its own, which the system ends when it waits.
    await #expect(processExitsWith: .success) {
      try await Folder.with { folder in
        alarm(20)
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        #expect(KeyFileTests.refusal(folder + "/pipe") == .notAFile(folder + "/pipe"))
      }
    }
  }

  @Test("that is a folder, a socket, a device or a link is refused")
  func notAFile() async throws {
    try await Folder.with { folder in
      Folder.put(ForeignKeys.ed25519, at: folder + "/key")
      #expect(symlink("key", folder + "/link") == 0)
      #expect(symlink("nowhere", folder + "/dangling") == 0)
      #expect(symlink("loop", folder + "/loop") == 0)
      Self.makeSocket(at: folder + "/socket")
      for name in ["", "/", "/.", "/link", "/dangling", "/loop", "/socket"] {
        #expect(Self.refusal(folder + name) == .notAFile(folder + name))
      }
      #expect(Self.refusal("/dev/null") == .notAFile("/dev/null"))
    }
  }

  static func makeSocket(at path: String) {
    let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
    }
    precondition(bound == 0, "no socket at \(path)")
  }

  @Test("that is somebody else's is refused, with whose it is")
  func notOurs() async throws {
    try await Folder.with { folder in
      let path: String
      if geteuid() == 0 {
        path = folder + "/key"
        Folder.put(ForeignKeys.ed25519, at: path)
        #expect(chown(path, 4321, 0) == 0)
      } else {
        path = "/etc/passwd"
      }
      let owner = try Self.status(of: path).st_uid
      let error = try #require(Self.refusal(path))
      #expect(error == .notOurs(path, owner: owner))
      #expect(error.description.contains("belongs to user \(owner)"))
    }
  }

  @Test("that is too large is refused", arguments: [4097, 5000, 1 << 20])
  func tooLarge(count: Int) async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      let rest = count - ForeignKeys.ed25519.utf8.count
      Folder.put(ForeignKeys.ed25519 + String(repeating: "\n", count: rest), at: path)
      #expect(Self.refusal(path) == .tooLarge(path))
    }
  }

  @Test("with a key of another kind is refused, with the kind", arguments: ForeignKeys.others)
  func otherKind(kind: String, text: String) async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      Folder.put(text, at: path)
      let error = try #require(Self.refusal(path))
      guard case .notEd25519(path, let said) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(said.contains(kind) && error.description.contains(said))
    }
  }

  @Test("with a locked key is refused", arguments: [ForeignKeys.encrypted, ForeignKeys.encryptedAlone])
  func encrypted(text: String) async throws {
    try await Folder.with { folder in
      Folder.put(text, at: folder + "/key")
      #expect(Self.refusal(folder + "/key") == .encrypted(folder + "/key"))
    }
  }

  /// The right text with something in it replaced.
  static func replacing(_ text: String, with other: String) -> String {
    precondition(ForeignKeys.ed25519.contains(text))
    return ForeignKeys.ed25519.replacingOccurrences(of: text, with: other)
  }

  @Test(
    "with anything else is refused",
    arguments: [
      "", "\n", "key", ForeignKeys.publicKey, ForeignKeys.certificate,
      replacing("-----BEGIN PRIVATE KEY-----", with: ""), replacing("-----END PRIVATE KEY-----", with: ""),
      replacing("-----BEGIN PRIVATE KEY-----", with: "-----BEGIN PUBLIC KEY-----"),
      replacing("MC4CAQAw", with: ""), replacing("MC4CAQAw", with: "MC4CAQA"),
      replacing("MC4CAQAw", with: "MC4CAQAwA"), replacing("MC4CAQAw", with: "MC4CAQAwAAAA"),
      replacing("MC4CAQAw", with: "MC4CAQ-w"), replacing("MC4CAQAw", with: "MC4CAQA\u{E4}"),
      // Cut short at the end, where nothing but the length tells.
      replacing("rAMcrn9g", with: ""), replacing("rAMcrn9g", with: "rAMcrn9"),
      replacing("rAMcrn9g", with: "rAMcrn9="), replacing("rAMcrn9g", with: "rAMc"),
      replacing("rAMcrn9g", with: "rAMcrn9gA"),
      // The version 1 and not 0, for which a public key should follow; a length that is not true.
      replacing("MC4CAQAw", with: "MC4CAQEw"), replacing("MC4CAQAw", with: "MC8CAQAw"),
    ])
  func notAKey(text: String) async throws {
    try await Folder.with { folder in
      Folder.put(text, at: folder + "/key")
      #expect(Self.refusal(folder + "/key") == .notAKey(folder + "/key"))
    }
  }

  @Test("with any one bit changed is refused, or is another key or the same one")
  func changedBits() async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      let right = Array(ForeignKeys.ed25519.utf8)
      // The bits that the key's letters spell: 48 bytes, of which the last 32 are the seed.
      let letters = 28..<28 + 64
      var others: Set<PeerID> = []
      for place in right.indices {
        for bit in 0..<8 {
          var text = right
          text[place] ^= 1 << bit
          try Data(text).write(to: URL(fileURLWithPath: path))
          chmod(path, 0o600)
          do throws(KeyFileError) {
            let id = try PrivateKey(readingFile: path).peerID
            // What comes before the seed's first letter may not change, nor what stands around the letters.
            if place < letters.lowerBound + 21 || place >= letters.upperBound {
              #expect(id == Self.key.peerID)
            }
            if id != Self.key.peerID { others.insert(id) }
          } catch {
            switch error {
            case .notAKey, .notEd25519: break
            default: Issue.record("\(error) after bit \(bit) of byte \(place)")
            }
          }
        }
      }
      #expect(others.count > 100)
    }
  }

  // MARK: What is refused when writing

  /// What writing to `path` is refused with.
  static func refusalToWrite(_ path: String) -> KeyFileError? {
    do throws(KeyFileError) {
      try key.write(toFile: path)
      return nil
    } catch {
      return error
    }
  }

  @Test("is never written over, whatever is there")
  func exists() async throws {
    try await Folder.with { folder in
      Folder.put("precious", at: folder + "/file", mode: 0o644)
      #expect(mkdir(folder + "/folder", 0o700) == 0)
      #expect(mkfifo(folder + "/pipe", 0o600) == 0)
      #expect(symlink("file", folder + "/link") == 0)
      #expect(symlink("nowhere", folder + "/dangling") == 0)
      let before = Folder.names(in: folder)
      for name in before {
        #expect(Self.refusalToWrite("\(folder)/\(name)") == .exists("\(folder)/\(name)"))
      }
      #expect(Folder.names(in: folder) == before)
      let status = try Self.status(of: folder + "/file")
      #expect(Folder.text(of: folder + "/file") == "precious" && status.st_mode == S_IFREG | 0o644)
    }
  }

  @Test("is not written where no file can be")
  func nowhere() async throws {
    try await Folder.with { folder in
      Folder.put("", at: folder + "/file")
      for path in [folder + "/no/key", folder + "/file/key"] {
        #expect(Self.refusalToWrite(path) == .noFolder(path))
      }
      for path in ["", "/", ".", "..", folder + "/", folder + "/.", folder + "/..", folder + "/a\0b"] {
        #expect(Self.refusalToWrite(path) == .badPath(path))
      }
      let long = folder + "/" + String(repeating: "k", count: 256)
      guard case .system(_, long, ENAMETOOLONG, _)? = Self.refusalToWrite(long) else {
        Issue.record("a name of 256 bytes was not refused")
        return
      }
      #expect(Folder.names(in: folder) == ["file"])
    }
  }

  @Test("leaves nothing behind when there is no room for it")
  func noRoom() async {
    // In a process of its own, which may write no more than 60 bytes to a file.
    await #expect(processExitsWith: .success) {
      try await Folder.with { folder in
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        limit.rlim_cur = 60
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        let path = folder + "/key"
        guard case .system("writing", path, EFBIG, _)? = KeyFileTests.refusalToWrite(path) else {
          Issue.record("119 bytes were written where 60 may be")
          return
        }
        #expect(Folder.names(in: folder).isEmpty)
      }
    }
  }

  @Test("is not written or read where the system does not let us")
  func noPermission() async {
    // In a process of its own, which is nobody's where it was root's.
    await #expect(processExitsWith: .success) {
      try await Folder.with { folder in
        Folder.put(ForeignKeys.ed25519, at: folder + "/old", mode: 0)
        #expect(chmod(folder, 0o555) == 0)
        let user = geteuid()
        if user == 0 { #expect(seteuid(65534) == 0) }
        let refusals = [KeyFileTests.refusalToWrite(folder + "/new"), KeyFileTests.refusal(folder + "/old")]
        if user == 0 { #expect(seteuid(0) == 0) }
        #expect(chmod(folder, 0o700) == 0)
        #expect(
          refusals == [
            .permissionDenied(doing: "writing", folder + "/new"),
            .permissionDenied(doing: "opening", folder + "/old"),
          ])
        #expect(Folder.names(in: folder) == ["old"])
      }
    }
  }

  @Test("has the mode 0600 whatever the mask of the process", arguments: [0, 0o022, 0o777] as [mode_t])
  func mask(mask: mode_t) async {
    // In a process of its own, since all threads have one mask.
    await #expect(processExitsWith: .success) { [mask = mask as mode_t] in
      try await Folder.with { folder in
        umask(mask)
        try KeyFileTests.key.write(toFile: folder + "/key")
        #expect(try KeyFileTests.status(of: folder + "/key").st_mode == S_IFREG | 0o600)
      }
    }
  }

  @Test("is written beside what a program left that was killed at it")
  func leftovers() async throws {
    try await Folder.with { folder in
      let leftovers = (0..<3).map { ".warren-key-\(getpid())-\($0)" }
      for name in leftovers { Folder.put("a rest", at: "\(folder)/\(name)") }
      try Self.key.write(toFile: folder + "/key")
      #expect(Folder.names(in: folder) == (leftovers + ["key"]).sorted())
      #expect(Folder.text(of: "\(folder)/\(leftovers[0])") == "a rest")
      #expect(try PrivateKey(readingFile: folder + "/key").peerID == Self.key.peerID)
    }
  }

  @Test("is found without a folder's name, in the one the program works in")
  func workingFolder() async {
    await #expect(processExitsWith: .success) {
      try await Folder.with { folder in
        #expect(chdir(folder) == 0)
        try KeyFileTests.key.write(toFile: "key")
        #expect(Folder.names(in: folder) == ["key"])
        #expect(try PrivateKey(readingFile: "key").peerID == KeyFileTests.key.peerID)
      }
    }
  }

  // MARK: Read or new

  @Test("is made when there is none, and is the same ever after")
  func fileOrNew() async throws {
    try await Folder.with { folder in
      let path = folder + "/key"
      var (random, same) = (SeededRandom(6), SeededRandom(6))
      let key = try PrivateKey(fileOrNew: path, using: &random)
      #expect(key.peerID == PrivateKey(using: &same).peerID)
      let next = random.next()
      #expect(next == same.next())
      #expect(try PrivateKey(fileOrNew: path, using: &random).peerID == key.peerID)
      #expect(try PrivateKey(readingFile: path).peerID == key.peerID)
      // Where there is one, no chance is used.
      let (one, other) = (random.next(), same.next())
      #expect(one == other)
      #expect(Folder.names(in: folder) == ["key"])
    }
  }

  @Test("that is there and wrong is refused and stays as it is")
  func wrongFileOrNew() async throws {
    try await Folder.with { folder in
      var random = SeededRandom(7)
      func refusal(_ path: String) -> KeyFileError? {
        do throws(KeyFileError) {
          _ = try PrivateKey(fileOrNew: path, using: &random)
          return nil
        } catch {
          return error
        }
      }
      Folder.put("", at: folder + "/empty")
      Folder.put(ForeignKeys.ed25519, at: folder + "/open", mode: 0o644)
      #expect(symlink("nowhere", folder + "/dangling") == 0)
      #expect(refusal(folder + "/empty") == .notAKey(folder + "/empty"))
      #expect(refusal(folder + "/open") == .openToOthers(folder + "/open", mode: 0o644))
      #expect(refusal(folder + "/dangling") == .notAFile(folder + "/dangling"))
      #expect(refusal(folder + "/no/key") == .noFolder(folder + "/no/key"))
      #expect(refusal("") == .badPath(""))
      #expect(Folder.names(in: folder) == ["dangling", "empty", "open"])
      let size = try Self.status(of: folder + "/empty").st_size
      #expect(size == 0)
    }
  }

  @Test("made by many threads at once has one key")
  func manyThreads() async throws {
    try await Folder.with { folder in
      for round in 0..<20 {
        let path = "\(folder)/\(round)"
        let ids = try await withThrowingTaskGroup(of: PeerID.self) { group in
          for number in 0..<8 {
            group.addTask {
              var random = SeededRandom(UInt64(round * 8 + number))
              return try PrivateKey(fileOrNew: path, using: &random).peerID
            }
          }
          return try await group.reduce(into: Set<PeerID>()) { $0.insert($1) }
        }
        #expect(ids == [try PrivateKey(readingFile: path).peerID])
      }
      #expect(Folder.names(in: folder) == (0..<20).map(String.init).sorted())
    }
  }

  @Test("made by three processes at once has one key", .timeLimit(.minutes(2)))
  func manyProcesses() async throws {
    let rounds = 30
    try await Folder.with { folder in
      async let first: Void = Self.race(in: folder, as: "a")
      async let second: Void = Self.race(in: folder, as: "b")
      async let third: Void = Self.race(in: folder, as: "c")
      _ = await (first, second, third)
      var winners: Set<String> = []
      for round in 0..<rounds {
        let id = try PrivateKey(readingFile: "\(folder)/key-\(round)").peerID.description
        let ids = try ["a", "b", "c"].map {
          try #require(Folder.text(of: "\(folder)/id-\(round)-\($0)")).split(separator: " ")
        }
        #expect(ids.allSatisfy { $0[0] == id })
        // Whoever drew this key made the file.
        winners.formUnion(zip(["a", "b", "c"], ids).filter { $0.1[1] == id }.map(\.0))
      }
      // It was a race.
      #expect(winners.count > 1)
      #expect(!Folder.names(in: folder).contains { $0.hasPrefix(".") })
    }
  }

  /// One process of the race: it waits for the two others in each round, and writes down which key it got and
  /// which one it would have made.
  private static func race(in folder: String, as name: String) async {
    await #expect(processExitsWith: .success) { [folder = folder as String, name = name as String] in
      for round in 0..<30 {
        Folder.put("", at: "\(folder)/here-\(round)-\(name)")
        for other in ["a", "b", "c"] {
          while access("\(folder)/here-\(round)-\(other)", F_OK) != 0 { usleep(20) }
        }
        let number = UInt64(round) << 8 | UInt64(name.utf8.first!)
        var (random, same) = (SeededRandom(number), SeededRandom(number))
        let id = try PrivateKey(fileOrNew: "\(folder)/key-\(round)", using: &random).peerID
        Folder.put("\(id) \(PrivateKey(using: &same).peerID)", at: "\(folder)/id-\(round)-\(name)")
      }
    }
  }

  // MARK: openssl

  static let openSSL: Bool = system("command -v openssl >/dev/null 2>&1") == 0

  @Test("is read by openssl", .enabled(if: openSSL, "there is no openssl command"))
  func readByOpenSSL() async throws {
    try await Folder.with { folder in
      var random = SeededRandom(8)
      let key = PrivateKey(using: &random)
      try key.write(toFile: folder + "/key")
      #expect(system("openssl pkey -in \(folder)/key -noout -text >\(folder)/text 2>&1") == 0)
      let text = try #require(Folder.text(of: folder + "/text"))
      #expect(text.contains("ED25519 Private-Key:"))
      #expect(system("openssl pkey -in \(folder)/key -pubout -outform DER -out \(folder)/public") == 0)
      let info = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/public")))
      #expect(info == key.peerID.subjectPublicKeyInfo)
      #expect(PeerID(subjectPublicKeyInfo: info.span.bytes) == key.peerID)
    }
  }

  @Test("made by openssl is read", .enabled(if: openSSL, "there is no openssl command"))
  func madeByOpenSSL() async throws {
    try await Folder.with { folder in
      let make = "umask 077 && cd \(folder) && openssl genpkey -algorithm ed25519"
      #expect(system(make + " -out key && openssl pkey -in key -pubout -outform DER -out public") == 0)
      let key = try PrivateKey(readingFile: folder + "/key")
      let info = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/public")))
      #expect(info == key.peerID.subjectPublicKeyInfo)
      // What one signs, the other knows.
      let message = Array("between friends".utf8)
      try Data(message).write(to: URL(fileURLWithPath: folder + "/message"))
      try Data(key.sign(message.span.bytes)).write(to: URL(fileURLWithPath: folder + "/signature"))
      let verify = "cd \(folder) && openssl pkeyutl -verify -rawin -inkey key -in message -sigfile signature"
      #expect(system(verify + " >log 2>&1") == 0)
      let sign = "cd \(folder) && openssl pkeyutl -sign -rawin -inkey key -in message -out theirs"
      #expect(system(sign) == 0)
      let theirs = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/theirs")))
      #expect(PeerIDTests.isSigned(message, theirs, by: key.peerID))
    }
  }
}
