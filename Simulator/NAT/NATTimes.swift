import WarrenMachine

/// The lifetimes of a configuration in nanoseconds: a sum of two integers for each packet, not more.
struct NATTimes: Sendable {
  let udp, udpUnreplied, dns, filter, filterUnreplied: Int64
  /// How old a flow must be to become a stream; nil where the first answer makes it one.
  let streamAge: Int64?
  let tcpEstablished, tcpTransitory, icmp: Int64
  let absolute: ClosedRange<Int64>?

  init(_ lifetimes: NATConfiguration.Lifetimes) {
    udp = lifetimes.udp.wholeNanoseconds
    udpUnreplied = (lifetimes.udpUnreplied ?? lifetimes.udp).wholeNanoseconds
    streamAge = lifetimes.udpStreamAge?.wholeNanoseconds
    dns = (lifetimes.dns ?? lifetimes.udp).wholeNanoseconds
    filter = lifetimes.filter?.wholeNanoseconds ?? udp
    filterUnreplied = lifetimes.filter?.wholeNanoseconds ?? udpUnreplied
    tcpEstablished = lifetimes.tcpEstablished.wholeNanoseconds
    tcpTransitory = lifetimes.tcpTransitory.wholeNanoseconds
    icmp = lifetimes.icmp.wholeNanoseconds
    absolute = lifetimes.absolute.map { $0.lowerBound.wholeNanoseconds...$0.upperBound.wholeNanoseconds }
  }

  /// How long a mapping lives after a packet to or from `remote`.
  func mapping(_ transport: Transport, isAssured: Bool, remote: SocketAddress) -> Int64 {
    switch transport {
    case .tcp: .max
    case .icmp: icmp
    case .udp: remote.port == 53 ? min(dns, isAssured ? udp : udpUnreplied) : isAssured ? udp : udpUnreplied
    }
  }

  /// How long a filter lives after a packet.
  func filter(_ transport: Transport, isAssured: Bool) -> Int64 {
    transport == .icmp ? icmp : isAssured ? filter : filterUnreplied
  }

  /// How long a connection is remembered after a segment.
  func connection(_ connection: TrackedConnection) -> Int64 {
    connection.isEstablished ? tcpEstablished : tcpTransitory
  }
}

extension Instant {
  /// The moment so many nanoseconds later; the distant future where that cannot be counted.
  @inline(__always)
  func after(_ duration: Int64) -> Instant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(duration)
    return overflow ? .distantFuture : Instant(nanoseconds: sum)
  }
}
