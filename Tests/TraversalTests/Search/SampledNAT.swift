import TestSupport
import Warren
import WarrenMachine
import WarrenSimulator
import WarrenTraversal

/// A simulated NAT from which samples are taken, with other hosts behind it that open mappings at a rate.
struct SampledNAT {
  static let servers = [
    SocketAddress(IPAddress(203, 0, 113, 1), port: 3478),
    SocketAddress(IPAddress(203, 0, 113, 1), port: 3479),
    SocketAddress(IPAddress(203, 0, 113, 2), port: 3478),
  ]
  static let outside = [IPAddress(198, 51, 100, 1), IPAddress(198, 51, 100, 2)]
  static let host = IPAddress(192, 168, 1, 2)

  private(set) var core: NATCore
  private(set) var now = Instant(nanoseconds: 0)
  private var random: SeededRandom
  private let foreignRate: Double
  private var nextForeign = Instant.distantFuture
  private var foreignPort: UInt16 = 20_000

  init(_ configuration: NATConfiguration, addresses: Int = 1, foreignRate: Double = 0, seed: UInt64) {
    core = NATCore(
      configuration, outside: Array(Self.outside.prefix(addresses)),
      inside: [IPPrefix(IPAddress(192, 168, 1, 0), length: 24)],
      random: SimulatorRandom(seed: seed, stream: "nat"))
    random = SeededRandom(seed)
    self.foreignRate = foreignRate
    // Some other traffic was there before.
    for _ in 0..<3 { openForeign() }
    if foreignRate > 0 { nextForeign = now.advanced(by: wait()) }
  }

  private mutating func wait() -> Duration {
    let unit = Double(random.next() >> 11) * 0x1p-53
    // The exponential distribution by a sum that converges fast enough: -ln(1 - u).
    return .seconds(-logarithm(1 - unit) / foreignRate)
  }

  private mutating func openForeign() {
    foreignPort &+= 7
    let source = SocketAddress(IPAddress(192, 168, 1, 3), port: foreignPort)
    send(from: source, to: SocketAddress(IPAddress(203, 0, 113, 9), port: 53 &+ foreignPort))
  }

  mutating func wait(_ duration: Duration) {
    let end = now.advanced(by: duration)
    while nextForeign <= end {
      now = nextForeign
      openForeign()
      nextForeign = now.advanced(by: wait())
    }
    now = end
  }

  /// Where the outside sees a packet come from.
  @discardableResult
  mutating func send(from source: SocketAddress, to destination: SocketAddress) -> SocketAddress? {
    var output: [NATOutput] = []
    core.receive(
      Packet(from: source, to: destination, .udp(Payload([1]))), from: .inside, at: now, into: &output)
    for case .forward(let packet, toward: .outside) in output { return packet.source }
    return nil
  }

  mutating func open(_ localPort: UInt16, to remote: SocketAddress = servers[0]) -> SocketAddress? {
    send(from: SocketAddress(Self.host, port: localPort), to: remote)
  }

  /// Four sockets in a burst, to each of three servers, 50 ms apart.
  mutating func samples() -> [PortSample] {
    let sockets = (0..<4).map { _ in UInt16(33_000 + random.next() % 27_000) }
    var samples: [PortSample] = []
    for server in Self.servers {
      for socket in sockets {
        let outside = open(socket, to: server)!
        samples.append(PortSample(localPort: socket, outside: outside, remote: server, sent: now))
        wait(.milliseconds(1))
      }
      wait(.milliseconds(46))
    }
    return samples
  }
}

/// The natural logarithm of a number above 0 and up to 1.
func logarithm(_ value: Double) -> Double {
  // ln(m · 2ᵉ) = ln m + e ln 2, and ln m = 2 artanh((m - 1) / (m + 1)).
  let ratio = (value.significand - 1) / (value.significand + 1)
  var (term, sum) = (ratio, 0.0)
  for power in stride(from: 1, to: 40, by: 2) {
    sum += term / Double(power)
    term *= ratio * ratio
  }
  return 2 * sum + Double(value.exponent) * 0.693147180559945309
}

extension NATConfiguration.Dependence {
  var asKind: NATKind.Dependence { NATKind.Dependence(rawValue: rawValue)! }
}

extension NATConfiguration {
  /// A NAT that keeps ports, towards as many remote ends as it has to.
  static func preserving(_ mapping: Dependence) -> NATConfiguration {
    changed {
      $0.mapping = mapping
      $0.overloadsPorts = mapping != .endpointIndependent
    }
  }

  static func sequential(_ mapping: Dependence, step: Int = 1) -> NATConfiguration {
    changed {
      $0.mapping = mapping
      $0.keepsPort = false
      $0.portChoice = .sequential(step: step)
    }
  }

  static func random(_ mapping: Dependence, _ ports: ClosedRange<UInt16> = 1024...65_535) -> NATConfiguration
  {
    changed {
      $0.mapping = mapping
      $0.keepsPort = false
      $0.ports = ports
    }
  }
}
