import WarrenMachine

extension PortModel {
  /// How many bytes a model is, always.
  static let encodedSize =
    4 + 4 * SearchLimits.outsideAddresses + 2 + PortRule.encodedSize * SearchLimits.rules

  /// Mapping, number of addresses, number of rules, zero, addresses (4 each), certainty (2), rules (``PortRule``).
  @_lifetime(output: copy output)
  func encode(into output: inout OutputRawSpan) {
    // NATs that have to be searched translate IPv4: other addresses need no place.
    let addresses = addresses.map { $0.family == .v4 ? $0.v4Bits : 0 }
    output.append(number: mapping.rawValue)
    output.append(number: UInt8(addresses.count))
    output.append(number: UInt8(rules.count))
    output.append(number: 0 as UInt8)
    for place in 0..<SearchLimits.outsideAddresses {
      output.append(number: place < addresses.count ? addresses[place] : 0)
    }
    output.append(number: certainty)
    for weighted in rules { weighted.encode(into: &output) }
    for _ in 0..<(SearchLimits.rules - rules.count) * PortRule.encodedSize {
      output.append(number: 0 as UInt8)
    }
  }

  /// The model that comes next; nil if it is none, or larger than ``SearchLimits`` allow.
  init?(_ input: inout WireReader) {
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
    _ = input.take(count: (SearchLimits.rules - ruleCount) * PortRule.encodedSize)
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
    output.append(number: share)
    var numbers = [UInt16](repeating: 0, count: 7)
    switch rule {
    case .offset(let offset):
      output.append(number: 0 as UInt8)
      output.append(number: 0 as UInt8)
      numbers[0] = UInt16(truncatingIfNeeded: offset)
    case .counter(let counter):
      output.append(number: 1 as UInt8)
      output.append(number: UInt8(counter.address))
      numbers = [
        UInt16(bitPattern: Int16(counter.step)), counter.range.lower, counter.range.upper, counter.latest,
        UInt16(counter.age), UInt16(counter.foreign), UInt16(counter.observed),
      ]
    case .range(let range, let keepsParity):
      output.append(number: 2 as UInt8)
      output.append(number: keepsParity ? 1 : 0 as UInt8)
      (numbers[0], numbers[1]) = (range.lower, range.upper)
    }
    for number in numbers { output.append(number: number) }
  }

  fileprivate init?(_ input: inout WireReader) {
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
