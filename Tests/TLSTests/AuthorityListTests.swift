import Glibc
import TestSupport
import Testing

@testable import WarrenTLS

@Suite("Authorities", .enabled(if: Certificates.obstacle == nil, Certificates.obstacle))
struct AuthorityListTests {
  @Test("are read once, and a file again when it is another")
  func once() async throws {
    try await Folder.with { folder in
      let certificates = Certificates(in: folder)
      for name in ["one", "two"] { try certificates.make(name, Certificates.Wish { $0.isAuthority = true }) }
      let (one, two) = (try certificates.text("one.pem"), try certificates.text("two.pem"))
      let list = try AuthorityList.of(.pem(one))
      #expect(try AuthorityList.of(.pem(one)) === list && AuthorityList.of(.pem(two)) !== list)
      let path = folder + "/authorities.pem"
      Folder.put(one, at: path)
      let file = try AuthorityList.of(.file(path))
      #expect(try AuthorityList.of(.file(path)) === file)
      Folder.put(two, at: path + ".new")
      #expect(rename(path + ".new", path) == 0)
      let changed = try AuthorityList.of(.file(path))
      #expect(changed !== file)
      #expect(try AuthorityList.of(.file(path)) === changed)
      #expect(unlink(path) == 0)
      #expect(throws: TLSError.self) { try AuthorityList.of(.file(path)) }
      // Of many the last are kept.
      for number in 0...TLSLimits.authorityLists { _ = try AuthorityList.of(.pem("\(number)\n" + one)) }
      let last = try AuthorityList.of(.pem("\(TLSLimits.authorityLists)\n" + one))
      #expect(try AuthorityList.of(.pem("\(TLSLimits.authorityLists)\n" + one)) === last)
      #expect(try AuthorityList.of(.pem(one)) !== list)
    }
  }
}
