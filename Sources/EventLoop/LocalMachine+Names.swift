import CLibuv
import Glibc
import WarrenMachine

// Names and interfaces, as libuv finds them out; gateways, as the kernel and miniupnpc do.
extension LocalMachine {
  public func interfaces() throws(NetworkError) -> [NetworkInterface] {
    var list: UnsafeMutablePointer<uv_interface_address_t>?
    var count: Int32 = 0
    let code = uv_interface_addresses(&list, &count)
    guard code == 0 else {
      throw .system(
        doing: "listing network interfaces", code: code, reason: String(cString: uv_strerror(code)))
    }
    // A network namespace in which nothing is up has no list at all.
    guard let list else { return [] }
    defer { uv_free_interface_addresses(list, count) }
    var interfaces: [NetworkInterface] = []
    for entry in UnsafeBufferPointer(start: list, count: Int(count)) {
      let name = String(cString: entry.name)
      guard let address = NetworkInterface.Address(entry) else { continue }
      if let index = interfaces.firstIndex(where: { $0.name == name }) {
        interfaces[index].addresses.append(address)
      } else {
        interfaces.append(
          NetworkInterface(
            name: name, index: if_nametoindex(name), addresses: [address], isLoopback: entry.is_internal != 0)
        )
      }
    }
    return interfaces
  }

  public func gateways() throws(NetworkError) -> [IPAddress] { try RouteTable.gateways() }

  public func nameServers() -> [SocketAddress] {
    ResolverFile.nameServers(in: (try? RouteTable.contents(of: ResolverFile.path)) ?? "")
  }

  public func askUPnPGateway(_ request: UPnPRequest, _ wait: Wait<UPnPGateway>) {
    preconditionOnExecutor()
    if isClosed { return wait.fail(NetworkError.machineClosed) }
    let loop = loop
    let id = upnp.ask(request) { result in
      // The loop is kept, and its thread with it, until the answer has come to it.
      loop.submit {
        switch result {
        case .success(let gateway): wait.succeed(gateway)
        case .failure(let error): wait.fail(error)
        }
      }
    }
    wait.onEnd = { [upnp] in upnp.forget(id) }
  }

  public func lookUp(_ name: String, _ wait: Wait<[IPAddress]>) {
    let lookUp = LookUp(name, wait, on: loop.core)
    wait.onEnd = { lookUp.cancel() }
    lookUp.start()
  }
}

extension NetworkInterface.Address {
  fileprivate init?(_ entry: uv_interface_address_t) {
    func read<Raw>(_ raw: Raw) -> SocketAddress? {
      withUnsafePointer(to: raw) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0) }
      }
    }
    guard let address = read(entry.address) else { return nil }
    // The mask's ones are all in front: counting them gives the prefix.
    let length: Int
    switch address.ip.family {
    case .v4: length = entry.netmask.netmask4.sin_addr.s_addr.nonzeroBitCount
    case .v6:
      length = withUnsafeBytes(of: entry.netmask.netmask6.sin6_addr) {
        $0.reduce(0) { $0 + $1.nonzeroBitCount }
      }
    }
    self.init(address.ip, prefixLength: length)
  }
}

/// One question to the system's resolver, which blocks a thread of libuv's pool and never the loop.
private final class LookUp {
  private let name: String
  private let wait: Wait<[IPAddress]>
  private let core: LoopCore
  private var request: UnsafeMutablePointer<uv_getaddrinfo_t>?

  init(_ name: String, _ wait: Wait<[IPAddress]>, on core: LoopCore) {
    self.name = name
    self.wait = wait
    self.core = core
  }

  func start() {
    let request = core.makeHandle(uv_getaddrinfo_t.self, for: self)
    request.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    self.request = request
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    let code = uv_getaddrinfo(core.rawLoop, request, namesWereLookedUp, name, nil, &hints)
    if code != 0 { ended(code, nil) }
  }

  /// The answer is no longer wanted. One that is being worked on comes all the same, to nobody.
  func cancel() {
    guard let request else { return }
    uv_cancel(UnsafeMutableRawPointer(request).assumingMemoryBound(to: uv_req_t.self))
  }

  private func ended(_ code: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    defer { if list != nil { uv_freeaddrinfo(list) } }
    let request = request!
    self.request = nil
    switch code {
    case 0: wait.succeed(addresses(in: list))
    case UV_EAI_NONAME.rawValue, UV_EAI_NODATA.rawValue, UV_EINVAL.rawValue:
      wait.fail(NetworkError.nameNotFound(name))
    default: wait.fail(NetworkError.lookUpFailed(name, reason: String(cString: uv_strerror(code))))
    }
    core.forget(UnsafeMutableRawPointer(request))
  }

  fileprivate func wereLookedUp(_ code: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    core.handle { ended(code, list) }
  }

  /// Each address once, in the order that the system prefers (RFC 6724).
  private func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [IPAddress] {
    var addresses: [IPAddress] = []
    var next = list
    while let entry = next {
      if let raw = entry.pointee.ai_addr, let address = SocketAddress(raw)?.ip, !addresses.contains(address) {
        addresses.append(address)
      }
      next = entry.pointee.ai_next
    }
    return addresses
  }
}

private func namesWereLookedUp(
  _ request: UnsafeMutablePointer<uv_getaddrinfo_t>?, _ code: Int32, _ list: UnsafeMutablePointer<addrinfo>?
) {
  Unmanaged<LookUp>.fromOpaque(request!.pointee.data).takeUnretainedValue().wereLookedUp(code, list)
}
