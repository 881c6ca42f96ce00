import WarrenMachine

/// Which addresses of a network are still free.
struct AddressPlan {
  let v4: IPPrefix
  var v6: IPPrefix?
  var isInternet = false
  var nextHost: UInt64

  /// The internet's: from 203.0.113.1 on, which is set aside for examples, and into the blocks behind it.
  static let internet = AddressPlan(
    v4: IPPrefix(IPAddress(203, 0, 113, 0), length: 8), isInternet: true, nextHost: 1)

  mutating func takeV4() -> NetworkInterface.Address {
    defer { nextHost += 1 }
    // On the internet everyone is a neighbour of nobody: its plan begins inside its block.
    let base = isInternet ? IPAddress(203, 0, 113, 0) : v4.base
    precondition(
      v4.contains(base.advanced(by: nextHost)), "\(v4) has no address left: use a larger block inside")
    return NetworkInterface.Address(
      base.advanced(by: nextHost), prefixLength: isInternet ? 32 : v4.length)
  }

  mutating func takeV6() -> NetworkInterface.Address {
    defer { nextHost += 1 }
    return NetworkInterface.Address(v6![nextHost], prefixLength: v6!.length)
  }
}
