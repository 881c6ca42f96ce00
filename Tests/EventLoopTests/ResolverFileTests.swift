import Testing
import WarrenMachine

@testable import WarrenEventLoop

@Suite("The system's name servers")
struct ResolverFileTests {
  @Test("are those of the file, three at most, and this machine's own where it names none")
  func servers() throws {
    func read(_ text: String) -> [String] { ResolverFile.nameServers(in: text).map(\.description) }
    #expect(read("nameserver 192.0.2.1\n") == ["192.0.2.1:53"])
    #expect(
      read(
        """
        # nameserver 192.0.2.9
        ;nameserver 192.0.2.9
        domain example.org
        nameserver\t2001:db8::1  # the first
        nameserver 192.0.2.2\r
        nameservers 192.0.2.9
         nameserver 192.0.2.9
        nameserver nonsense
        nameserver fe80::1%lo
        options timeout:1
        nameserver 192.0.2.4
        """) == ["[2001:db8::1]:53", "192.0.2.2:53", "[fe80::1%1]:53"])
    #expect(read("") == ["127.0.0.1:53"] && read("nameserver\n") == ["127.0.0.1:53"])
  }
}
