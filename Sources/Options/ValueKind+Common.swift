extension ValueKind where Value == String {
  /// Any text that is not empty.
  public static var text: ValueKind {
    ValueKind("TEXT", expected: "a text that is not empty", example: "hello") { $0.isEmpty ? nil : $0 }
  }

  /// The path of a file.
  public static var file: ValueKind {
    ValueKind("FILE", expected: "the path of a file", example: "notes.txt", completion: .file) {
      $0.isEmpty ? nil : $0
    }
  }

  /// The path of a folder.
  public static var folder: ValueKind {
    ValueKind("FOLDER", expected: "the path of a folder", example: "downloads", completion: .folder) {
      $0.isEmpty ? nil : $0
    }
  }
}

extension ValueKind where Value == UInt16 {
  /// A port that one can send to.
  public static var port: ValueKind {
    ValueKind("PORT", expected: "a port from 1 to 65535", example: "7777") {
      wholeNumber($0).flatMap { $0 == 0 ? nil : $0 }
    }
  }

  /// A port of one's own: 0 for any.
  public static var ownPort: ValueKind {
    ValueKind("PORT", expected: "a port from 1 to 65535, or 0 for any", example: "7777") { wholeNumber($0) }
  }
}

extension ValueKind where Value: FixedWidthInteger {
  /// A whole number within `range`.
  public static func number(_ range: ClosedRange<Value>, example: Value? = nil) -> ValueKind {
    let top = range.upperBound == .max
    let expected =
      top
      ? "a whole number\(range.lowerBound == .min ? "" : " from \(range.lowerBound) on")"
      : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    return ValueKind("N", expected: expected, example: "\(example ?? range.lowerBound)") {
      wholeNumber($0).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// Any whole number.
  public static var number: ValueKind { number(.min ... .max, example: 7) }
}

extension ValueKind where Value == Double {
  /// A part of a hundred, with or without a `%`: as a fraction of one.
  public static func percent(atMost most: Int = 100) -> ValueKind {
    ValueKind(
      "PERCENT", expected: "a percentage from 0 to \(most)", example: "\(Swift.min(5, most))",
      show: { share in
        let thousandths = Int((share * 100_000).rounded())
        return thousandths % 1000 == 0 ? "\(thousandths / 1000)" : "\(Double(thousandths) / 1000)"
      }
    ) { word in
      guard let value = decimal(word.last == "%" ? word.dropLast() : word[...]), value <= Double(most) else {
        return nil
      }
      return value / 100
    }
  }
}

extension ValueKind where Value == Duration {
  /// A time with its unit: `500ms`, `10s`, `2m`, `1h`.
  public static func duration(
    _ range: ClosedRange<Duration> = .zero ... .seconds(366 * 86_400)
  ) -> ValueKind {
    ValueKind(
      "TIME",
      expected:
        "a time with its unit from \(durationText(range.lowerBound)) to \(durationText(range.upperBound))",
      example: "500ms, 10s or 2m", show: durationText
    ) { word in
      let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
      guard let (unit, length) = units.first(where: { word.hasSuffix($0.0) }),
        let count = decimal(word.dropLast(unit.count)), count * length < 1e10
      else { return nil }
      // To the millisecond, so that 0.1s is what it says.
      let value = Duration.milliseconds(Int64((count * length * 1000).rounded()))
      return range.contains(value) ? value : nil
    }
  }
}

extension ValueKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  /// One of an enumeration's cases, by its raw value.
  public static func choice(_ name: String) -> ValueKind {
    .oneOf(name, Array(Value.allCases), by: \.rawValue)
  }
}

extension ValueKind {
  /// One of `values`, by its name.
  public static func oneOf(
    _ name: String, _ values: [Value], by names: @escaping @Sendable (Value) -> String
  ) -> ValueKind {
    let choices = values.map(names)
    let completion = ValueCompletion.choices(choices)
    return ValueKind(
      name, expected: "one of \(completion.list)", example: choices.first ?? "", completion: completion,
      show: names
    ) { word in values.first { names($0) == word } }
  }
}

/// The number that the digits of `word` spell.
private func wholeNumber<Number: FixedWidthInteger>(_ word: String) -> Number? {
  let digits = word.utf8.first == UInt8(ascii: "-") ? word.utf8.dropFirst() : word.utf8[...]
  guard digits.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }) else { return nil }
  return Number(word)
}

/// A number without a sign, with or without a decimal point.
private func decimal(_ word: Substring) -> Double? {
  let digits = word.utf8
  guard let first = digits.first, first != UInt8(ascii: "."), digits.last != UInt8(ascii: "."),
    digits.count(where: { $0 == UInt8(ascii: ".") }) <= 1,
    digits.allSatisfy({ $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
  else { return nil }
  return Double(word)
}

/// A time as it would be typed, in the largest unit in which it is a whole number.
private func durationText(_ duration: Duration) -> String {
  let milliseconds =
    duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
  let unit = units.first { milliseconds != 0 && milliseconds % $0.1 == 0 } ?? ("ms", 1)
  return milliseconds == 0 ? "0s" : "\(milliseconds / unit.1)\(unit.0)"
}
