import Glibc
import WarrenMachine

/// Linux' tables of routes, as the kernel writes them down for each network namespace: here for the thread's own, in
/// which its sockets are too.
enum RouteTable {
  /// The gateways of the default routes, the lowest metric first, each once.
  static func gateways() throws(NetworkError) -> [IPAddress] {
    let v4 = gatewaysV4(in: try contents(of: "/proc/thread-self/net/route"))
    let v6 = gatewaysV6(in: try contents(of: "/proc/thread-self/net/ipv6_route")) { if_nametoindex($0) }
    return v4 + v6
  }

  /// The lines are: interface, destination, gateway, flags, references, uses, metric, mask and more; addresses
  /// are the kernel's words in the order of their bytes, printed as numbers of this computer.
  static func gatewaysV4(in table: String) -> [IPAddress] {
    var routes: [Route] = []
    for line in table.split(separator: "\n") {
      let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      guard fields.count >= 8, let flags = UInt32(fields[3], radix: 16), leadsToGateway(flags),
        UInt32(fields[1], radix: 16) == 0, UInt32(fields[7], radix: 16) == 0,
        let bits = UInt32(fields[2], radix: 16), let metric = UInt32(fields[6])
      else { continue }
      routes.append(Route(gateway: IPAddress(v4: UInt32(bigEndian: bits)), metric: metric))
    }
    return inOrder(routes)
  }

  /// The lines are: destination, its prefix, source, its prefix, gateway, metric, references, uses, flags,
  /// interface, all in hexadecimal.
  static func gatewaysV6(in table: String, index: (String) -> UInt32) -> [IPAddress] {
    var routes: [Route] = []
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 10, let flags = UInt32(fields[8], radix: 16), leadsToGateway(flags),
        UInt8(fields[1], radix: 16) == 0, fields[4].utf8.count == 32,
        let high = UInt64(fields[4].prefix(16), radix: 16),
        let low = UInt64(fields[4].suffix(16), radix: 16), let metric = UInt32(fields[5], radix: 16)
      else { continue }
      let zone = IPAddress(v6: high, low).isLinkLocal ? index(String(fields[9])) : 0
      routes.append(Route(gateway: IPAddress(v6: high, low, zone: zone), metric: metric))
    }
    return inOrder(routes)
  }

  private struct Route {
    var gateway: IPAddress
    var metric: UInt32
  }

  /// RTF_UP and RTF_GATEWAY are set, RTF_REJECT is not.
  private static func leadsToGateway(_ flags: UInt32) -> Bool {
    flags & 3 == 3 && flags & 0x200 == 0
  }

  private static func inOrder(_ routes: [Route]) -> [IPAddress] {
    // Equal metrics stay in the kernel's order: the standard library's sort keeps it.
    routes.sorted { $0.metric < $1.metric }.reduce(into: []) { gateways, route in
      if !gateways.contains(route.gateway), !route.gateway.isUnspecified { gateways.append(route.gateway) }
    }
  }

  /// All of a file; nothing where there is none, as with a kernel that does not know a family.
  static func contents(of path: String) throws(NetworkError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return "" }
      throw failure(errno, path)
    }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(errno, path)
      }
      if count == 0 { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<count]
    }
  }

  private static func failure(_ code: Int32, _ path: String) -> NetworkError {
    if code == EMFILE || code == ENFILE { return .outOfResources(doing: "reading \(path)") }
    return .system(doing: "reading \(path)", code: code, reason: String(cString: strerror(code)))
  }
}
