import Testing
import Warren
import WarrenSimulator

/// A machine behind something in a simulated internet, which asks a STUN server of two addresses what that does.
struct DiscoveryLaboratory {
  /// Whatever stands before the machine, the innermost first.
  var boxes: [NATConfiguration] = []
  /// How many outside addresses the outermost has.
  var addresses = 1
  /// The share of packets that is lost on each way.
  var loss = 0.0
  var measuresLifetime = false
  var fault: TwoAddressServer.Fault?

  init(
    _ boxes: NATConfiguration..., addresses: Int = 1, loss: Double = 0, measuresLifetime: Bool = false,
    fault: TwoAddressServer.Fault? = nil
  ) {
    self.boxes = boxes
    self.addresses = addresses
    self.loss = loss
    self.measuresLifetime = measuresLifetime
    self.fault = fault
  }

  func world(seed: UInt64) -> World {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    configuration.access.loss = loss
    let alice = boxes.enumerated().reduce(Machine("alice")) { node, box in
      let isOutermost = box.offset == boxes.count - 1
      let behind = node.behind(box.element, addresses: isOutermost ? addresses : 1)
      // With no time at all between two NATs, what comes back overtakes what is sent right after it.
      return isOutermost ? behind : behind.linked(LinkConfiguration(latency: .milliseconds(2)))
    }
    return World(seed: seed, configuration: configuration) {
      alice
      Server("stun").linked(LinkConfiguration(latency: .microseconds(12_500)))
      Server("stun 2").linked(LinkConfiguration(latency: .microseconds(12_500)))
    }
  }

  /// What is found out, and how long that takes.
  func discover(seed: UInt64) async throws -> (report: NATReport, took: Duration) {
    let (fault, measuresLifetime) = (fault, measuresLifetime)
    return try await world(seed: seed).run { world in
      let server = try await TwoAddressServer.start(
        world.machine("stun"), world.machine("stun 2"), fault: fault)
      let start = world.now
      let report = try await NATDiscovery(on: world.machine("alice")).discover(
        asking: server, measuresLifetime: measuresLifetime)
      return (report, start.duration(to: world.now))
    }
  }

  /// Finds out, and compares with what is true.
  func check(_ name: String, seed: UInt64) async throws {
    let truth = ExpectedReport(boxes, addresses: addresses)
    let (report, took) = try await discover(seed: seed)
    for difference in truth.differences(from: report, measuresLifetime: measuresLifetime) {
      Issue.record("\(name), seed \(seed): \(difference)\n\(report)\n\(boxes)")
    }
    if !measuresLifetime, loss == 0 { #expect(took < .seconds(3), "\(name), seed \(seed)") }
  }
}
