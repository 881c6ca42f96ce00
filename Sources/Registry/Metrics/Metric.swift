/// A number that tells how a program is doing, as Prometheus collects them.
public struct Metric: Hashable, Sendable {
  /// How it changes.
  public enum Kind: String, Hashable, Sendable {
    /// It only grows, until the program begins anew.
    case counter
    /// It goes up and down.
    case gauge
  }

  /// What tells a metric from others of the same name.
  public struct Label: Hashable, Sendable {
    /// What it says, in letters, digits and underscores.
    public var name: String
    /// What that is here.
    public var value: String

    /// A label.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What it is called, in letters, digits and underscores.
  public var name: String
  /// What a person is told.
  public var help: String
  /// How it changes.
  public var kind: Kind
  /// What tells it from others of the same name.
  public var labels: [Label]
  /// The number.
  public var value: Double

  /// A metric.
  public init(_ kind: Kind, _ name: String, _ help: String, _ labels: [Label] = [], value: Double) {
    self.name = name
    self.help = help
    self.kind = kind
    self.labels = labels
    self.value = value
  }

  /// A metric that counts something.
  public init(_ kind: Kind, _ name: String, _ help: String, _ labels: [Label] = [], count: Int) {
    self.init(kind, name, help, labels, value: Double(count))
  }
}

extension [Metric] {
  /// All of them in Prometheus' text format 0.0.4. Those of one name stand together, where the first of them stands.
  package var prometheusText: String {
    var order: [String] = []
    var families: [String: [Metric]] = [:]
    for metric in self {
      if families[metric.name] == nil { order.append(metric.name) }
      families[metric.name, default: []].append(metric)
    }
    var text = ""
    for name in order {
      let family = families[name]!
      text +=
        "# HELP \(name) \(family[0].help.escaped(quotes: false))\n# TYPE \(name) \(family[0].kind.rawValue)\n"
      for metric in family {
        let labels = metric.labels.map { "\($0.name)=\"\($0.value.escaped(quotes: true))\"" }
        text +=
          name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}") + " \(metric.value.asWritten)\n"
      }
    }
    return text
  }
}

extension String {
  fileprivate func escaped(quotes: Bool) -> String {
    var text = ""
    for character in unicodeScalars {
      switch character {
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\"" where quotes: text += "\\\""
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }
}

extension Double {
  /// Whole numbers without a point, and the three that are none as Prometheus reads them.
  fileprivate var asWritten: String {
    if isNaN { return "NaN" }
    if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: self).map { "\($0)" } ?? "\(self)"
  }
}
