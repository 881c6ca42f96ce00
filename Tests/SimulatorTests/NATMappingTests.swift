import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 4787, REQ-1, 2 and 7: which flows share an outside address and port.
struct NATMappingTests {
  typealias Configuration = NATConfiguration

  /// How many outside places X1:5000 has towards Y:1111, Y:2222 and Z:1111.
  private func places(_ configuration: Configuration) -> Int {
    var laboratory = NATLaboratory(configuration)
    return Set([y1, y2, z1].map { laboratory.send(x1, to: $0) }).count
  }

  @Test(
    "one port for all remote ends, one for each address, or one for each address and port",
    arguments: [
      (Configuration.Dependence.endpointIndependent, 1), (.addressDependent, 2),
      (.addressAndPortDependent, 3),
    ])
  func mapping(_ dependence: Configuration.Dependence, count: Int) {
    #expect(places(.symmetric.changed { $0.mapping = dependence }) == count)
  }

  @Test("an address-dependent mapping is the same for two ports of one address")
  func addressDependent() {
    var laboratory = NATLaboratory(.symmetric.changed { $0.mapping = .addressDependent })
    let first = laboratory.send(x1, to: y1)
    #expect(laboratory.send(x1, to: y2) == first)
    #expect(laboratory.send(x1, to: z1) != first)
  }

  @Test("the mapping of a flow stays as it is", arguments: NATPresets.udp)
  func mappingIsStable(_ preset: NATPresets) {
    var laboratory = NATLaboratory(preset.configuration)
    let first = laboratory.send(x1, to: y1)
    #expect(first != nil)
    for _ in 0..<3 { #expect(laboratory.send(x1, to: y1) == first) }
  }

  @Test("two sockets of one host have two ports", arguments: NATPresets.udp)
  func socketsHaveTheirOwnPorts(_ preset: NATPresets) {
    var laboratory = NATLaboratory(preset.configuration)
    let first = laboratory.send(NATLaboratory.x1.port(5000), to: y1)
    #expect(first != nil)
    #expect(laboratory.send(NATLaboratory.x1.port(5001), to: y1) != first)
  }

  // MARK: REQ-2

  /// On how many addresses of a pool of four the sockets of X1 are.
  private func addresses(_ pooling: Configuration.Pooling) -> Int {
    var laboratory = NATLaboratory(.changed { $0.pooling = pooling }, outside: NATLaboratory.pool)
    return Set((5000..<5020).map { laboratory.send(NATLaboratory.x1.port($0), to: y1)?.ip }).count
  }

  @Test("paired pooling keeps a host on one address, arbitrary pooling does not")
  func pooling() {
    #expect(addresses(.paired) == 1)
    #expect(addresses(.arbitrary) > 1)
  }

  /// Whether X1 gets a third port at another address when its own has but two.
  private func movesWhenExhausted(_ pooling: Configuration.Pooling) -> Bool {
    var laboratory = NATLaboratory(
      .symmetric.changed {
        $0.pooling = pooling
        $0.ports = 2000...2001
      }, outside: NATLaboratory.pool)
    let places = (5000..<5008).map { laboratory.send(NATLaboratory.x1.port($0), to: y1) }
    if pooling == .paired { #expect(laboratory.drop == .portsExhausted) }
    return Set(places.compactMap { $0?.ip }).count > 1
  }

  @Test("a host whose address has no port left is refused rather than moved")
  func exhaustedPair() {
    #expect(!movesWhenExhausted(.paired))
    #expect(movesWhenExhausted(.arbitrary))
  }

  // MARK: REQ-7

  /// Whether a host inside and one outside reach each other although both networks are 192.168.1.0/24.
  private func crossesConflict(_ configuration: Configuration) -> Bool {
    var laboratory = NATLaboratory(configuration, outside: [IPAddress(192, 168, 1, 77)])
    let remote = IPAddress(192, 168, 1, 9).port(1111)
    guard let mapped = laboratory.send(x1, to: remote) else { return false }
    return laboratory.answer(remote, to: mapped) == x1
  }

  @Test("networks with the same addresses on both sides are told apart")
  func addressConflict() {
    #expect(crossesConflict(.portRestrictedCone))
    #expect(!crossesConflict(.changed { $0.handlesAddressConflict = false }))
  }

  // MARK: REQ-11

  /// How many outside places X2:5000 has when X1 has taken port 5000, and how many when it has not.
  private func placesUnderCollision(_ configuration: Configuration) -> (alone: Int, second: Int) {
    var laboratory = NATLaboratory(configuration)
    let alone = Set([y1, y2, z1].map { laboratory.send(x1, to: $0) }).count
    return (alone, Set([y1, y2, z1].map { laboratory.send(x2, to: $0) }).count)
  }

  @Test("a deterministic NAT stays endpoint-independent on collision and under load")
  func determinism() {
    #expect(placesUnderCollision(.portRestrictedCone) == (1, 1))
    #expect(placesUnderCollision(.changed { $0.degradation = .onCollision }) == (1, 3))
    #expect(placesUnderCollision(.changed { $0.degradation = .beyond(mappings: 1) }) == (1, 3))
  }
}

/// The presets by name, so that a failing case says which it was.
enum NATPresets: String, CaseIterable, CustomTestStringConvertible {
  case fullCone, restrictedCone, portRestrictedCone, symmetric, symmetricSequential, firewall, carrierGrade
  case linuxMasquerade, udpBlocked

  static var udp: [NATPresets] { allCases.filter { $0 != .udpBlocked } }
  static var translating: [NATPresets] { udp.filter { $0 != .firewall } }

  var configuration: NATConfiguration {
    switch self {
    case .fullCone: .fullCone
    case .restrictedCone: .restrictedCone
    case .portRestrictedCone: .portRestrictedCone
    case .symmetric: .symmetric
    case .symmetricSequential: .symmetricSequential
    case .firewall: .firewall
    case .carrierGrade: .carrierGrade
    case .linuxMasquerade: .linuxMasquerade(input: .drop)
    case .udpBlocked: .udpBlocked
    }
  }

  var testDescription: String { rawValue }
}
