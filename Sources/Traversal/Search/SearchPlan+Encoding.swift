import WarrenMachine

extension SearchPlan {
  /// What a plan begins with: another number is another layout.
  public static let version: UInt8 = 1

  /// How many bytes a plan is, always.
  public static let encodedSize =
    1 + 2 + 3 * 2 + 3 * 4 + 8 + 2 * 2 + 4 + 4 * SearchLimits.outsideAddresses + 2
    + PortRule.encodedSize * SearchLimits.rules

  /// Appends the plan, for which there must be room: ``encodedSize`` bytes, numbers as networks write them.
  ///
  /// Version, method, opener, rates and sockets (2 bytes each), packets, probes, milliseconds (4 each), seed (8),
  /// local port, age of the samples (2 each); then the model: mapping, number of addresses, number of rules, zero,
  /// addresses (4 each), certainty (2), rules (``PortRule``).
  @_lifetime(output: copy output)
  public func encode(into output: inout OutputRawSpan) {
    output.put(Self.version)
    output.put(method.rawValue)
    output.put(opener.rawValue)
    output.put(UInt16(openRate))
    output.put(UInt16(probeRate))
    output.put(UInt16(sockets))
    output.put(UInt32(openerPackets))
    output.put(UInt32(probes))
    output.put(UInt32(milliseconds))
    output.put(seed)
    output.put(localPort)
    output.put(UInt16(sampleAge))
    model.encode(into: &output)
  }

  /// The plan in these bytes; nil if they are none, or ask for more than ``SearchLimits`` allow.
  public init?(decoding bytes: RawSpan) {
    guard bytes.byteCount == Self.encodedSize else { return nil }
    var input = PlanReader(bytes)
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

extension PortModel {
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    // NATs that have to be searched translate IPv4: other addresses need no place.
    let addresses = addresses.map { $0.family == .v4 ? $0.v4Bits : 0 }
    output.put(mapping.rawValue)
    output.put(UInt8(addresses.count))
    output.put(UInt8(rules.count))
    output.put(0 as UInt8)
    for place in 0..<SearchLimits.outsideAddresses {
      output.put(place < addresses.count ? addresses[place] : 0)
    }
    output.put(certainty)
    for weighted in rules { weighted.encode(into: &output) }
    for _ in 0..<(SearchLimits.rules - rules.count) * PortRule.encodedSize { output.put(0 as UInt8) }
  }

  fileprivate init?(_ input: inout PlanReader) {
    guard let mapping = NATKind.Dependence(rawValue: input.take()) else { return nil }
    let (addressCount, ruleCount) = (Int(input.take(UInt8.self)), Int(input.take(UInt8.self)))
    guard addressCount <= SearchLimits.outsideAddresses, (1...SearchLimits.rules).contains(ruleCount),
      input.take(UInt8.self) == 0
    else { return nil }
    let addresses = (0..<SearchLimits.outsideAddresses).map { _ in IPAddress(v4: input.take()) }
    let certainty = input.take(UInt16.self)
    var rules: [Weighted] = []
    for _ in 0..<ruleCount {
      guard let rule = Weighted(&input) else { return nil }
      rules.append(rule)
    }
    self.init(
      mapping: mapping, addresses: Array(addresses.prefix(addressCount)), rules: rules, certainty: certainty)
  }
}

extension PortRule {
  /// Share, kind, one byte of its own, and six numbers.
  fileprivate static let encodedSize = 2 + 1 + 1 + 6 * 2 + 2
}

extension PortModel.Weighted {
  @_lifetime(output: copy output)
  fileprivate func encode(into output: inout OutputRawSpan) {
    output.put(share)
    var numbers = [UInt16](repeating: 0, count: 7)
    switch rule {
    case .offset(let offset):
      output.put(0 as UInt8)
      output.put(0 as UInt8)
      numbers[0] = UInt16(truncatingIfNeeded: offset)
    case .counter(let counter):
      output.put(1 as UInt8)
      output.put(UInt8(counter.address))
      numbers = [
        UInt16(bitPattern: Int16(counter.step)), counter.range.lower, counter.range.upper, counter.latest,
        UInt16(counter.age), UInt16(counter.foreign), UInt16(counter.observed),
      ]
    case .range(let range, let keepsParity):
      output.put(2 as UInt8)
      output.put(keepsParity ? 1 : 0 as UInt8)
      (numbers[0], numbers[1]) = (range.lower, range.upper)
    }
    for number in numbers { output.put(number) }
  }

  fileprivate init?(_ input: inout PlanReader) {
    let share = input.take(UInt16.self)
    let (kind, detail) = (input.take(UInt8.self), input.take(UInt8.self))
    let numbers = (0..<7).map { _ in input.take(UInt16.self) }
    guard share > 0 else { return nil }
    switch kind {
    case 0: self.init(rule: .offset(Int(numbers[0])), share: share)
    case 1:
      let step = Int(Int16(bitPattern: numbers[0]))
      guard step != 0, abs(step) <= SearchLimits.largestStep, numbers[1] > 0, numbers[1] <= numbers[2],
        Int(detail) < SearchLimits.outsideAddresses
      else { return nil }
      let counter = PortCounter(
        step: step, range: PortRange(numbers[1]...numbers[2]), address: Int(detail), latest: numbers[3],
        age: Int(numbers[4]), foreign: Int(numbers[5]), observed: Int(numbers[6]))
      self.init(rule: .counter(counter), share: share)
    case 2:
      guard numbers[0] > 0, numbers[0] <= numbers[1], detail <= 1 else { return nil }
      self.init(rule: .range(PortRange(numbers[0]...numbers[1]), keepsParity: detail == 1), share: share)
    default: return nil
    }
  }
}

extension OutputRawSpan {
  @_lifetime(self: copy self)
  fileprivate mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    append(number.bigEndian, as: Number.self)
  }
}

/// Reads numbers one after the other from bytes that are long enough.
private struct PlanReader: ~Escapable {
  private let bytes: RawSpan
  private var place = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  mutating func take<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type = Number.self) -> Number {
    let number = bytes.unsafeLoadUnaligned(fromByteOffset: place, as: Number.self)
    place += MemoryLayout<Number>.size
    return Number(bigEndian: number)
  }
}
