extension World {
  /// Lets nothing pass the internet from one machine's side to another's; the way back stays open.
  public func cut(from: String, to: String) {
    internet.cut(from: edge(of: from), to: edge(of: to))
    note("cut: nothing passes from \(from) to \(to)")
  }

  /// Undoes ``cut(from:to:)``.
  public func mend(from: String, to: String) {
    internet.mend(from: edge(of: from), to: edge(of: to))
    note("mended: \(from) reaches \(to) again")
  }

  /// Lets nothing pass the internet between two machines' sides, either way.
  public func cut(between one: String, and other: String) {
    cut(from: one, to: other)
    cut(from: other, to: one)
  }

  /// Undoes ``cut(between:and:)``.
  public func mend(between one: String, and other: String) {
    mend(from: one, to: other)
    mend(from: other, to: one)
  }

  /// Where a machine, or the outermost box before it, hangs on the internet.
  private func edge(of name: String) -> Attachment {
    var attachment = machine(name).attachments[0]
    while let gateway = attachment.network.gateway, let box = gateway.node as? Box {
      attachment = box.outside
    }
    return attachment
  }
}
