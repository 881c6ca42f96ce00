import WarrenMachine
public struct NATConfiguration: Hashable, Sendable { var translates = true; var usualInside: IPPrefix?; public static let symmetric = NATConfiguration() }
public enum NATOutput { case forward(Packet, toward: NATSide); case dropped(Packet, String) }
public enum NATSide { case inside, outside }
public struct NATCore { init(_ configuration: NATConfiguration, outside: [IPAddress], inside: [IPPrefix], random: SimulatorRandom) {}
 mutating func receive(_ p: Packet, from: NATSide, at: Instant, into: inout [NATOutput]) {}
 mutating func deadlinePassed(at: Instant, into: inout [NATOutput]) {}
 var nextDeadline: Instant? { nil }
 mutating func reboot(outside: [IPAddress], at: Instant) {}
}
