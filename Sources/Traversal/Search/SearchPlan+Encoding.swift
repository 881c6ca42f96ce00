import WarrenMachine

extension SearchPlan {
  /// What a plan begins with: another number is another layout.
  public static let version: UInt8 = 1

  /// How many bytes a plan is, always.
  public static let encodedSize =
    1 + 2 + 3 * 2 + 3 * 4 + 8 + 2 * 2 + PortModel.encodedSize

  /// Appends the plan, for which there must be room: ``encodedSize`` bytes, numbers as networks write them.
  ///
  /// Version, method, opener, rates and sockets (2 bytes each), packets, probes, milliseconds (4 each), seed (8),
  /// local port, age of the samples (2 each); then the model.
  @_lifetime(output: copy output)
  public func encode(into output: inout OutputRawSpan) {
    output.append(number: Self.version)
    output.append(number: method.rawValue)
    output.append(number: opener.rawValue)
    output.append(number: UInt16(openRate))
    output.append(number: UInt16(probeRate))
    output.append(number: UInt16(sockets))
    output.append(number: UInt32(openerPackets))
    output.append(number: UInt32(probes))
    output.append(number: UInt32(milliseconds))
    output.append(number: seed)
    output.append(number: localPort)
    output.append(number: UInt16(sampleAge))
    model.encode(into: &output)
  }

  /// The plan in these bytes; nil if they are none, or ask for more than ``SearchLimits`` allow.
  public init?(decoding bytes: RawSpan) {
    guard bytes.byteCount == Self.encodedSize else { return nil }
    var input = WireReader(bytes)
    guard input.take(UInt8.self) == Self.version, let method = Method(rawValue: input.take()),
      let opener = Party(rawValue: input.take())
    else { return nil }
    let (openRate, probeRate) = (Int(input.take(UInt16.self)), Int(input.take(UInt16.self)))
    let sockets = Int(input.take(UInt16.self))
    let (openerPackets, probes) = (Int(input.take(UInt32.self)), Int(input.take(UInt32.self)))
    let milliseconds = Int(input.take(UInt32.self))
    let (seed, localPort, sampleAge): (UInt64, UInt16, UInt16) = (input.take(), input.take(), input.take())
    let (rates, packets) = (1...SearchLimits.rate, 1...SearchLimits.packets)
    guard rates.contains(openRate), rates.contains(probeRate), (1...SearchLimits.sockets).contains(sockets),
      packets.contains(openerPackets), packets.contains(probes), sockets <= openerPackets,
      .milliseconds(milliseconds) <= SearchLimits.duration, let model = PortModel(&input)
    else { return nil }
    self.init(
      method: method, opener: opener, openRate: openRate, probeRate: probeRate, sockets: sockets,
      openerPackets: openerPackets, probes: probes, milliseconds: milliseconds, seed: seed,
      localPort: localPort,
      sampleAge: Int(sampleAge), model: model)
  }
}
