import Testing
import WarrenMachine
import WarrenSimulator

/// Full tables, reboots and rates (X8, X9, X10), and the carrier's limit for each customer (RFC 6888).
struct NATLimitTests {
  typealias Configuration = NATConfiguration

  /// The ports of so many sockets of X1 that have a mapping afterwards.
  private func survivors(_ configuration: Configuration, count: Int) -> [Int] {
    var laboratory = NATLaboratory(configuration)
    for number in 0..<count { laboratory.send(NATLaboratory.x1.port(UInt16(5000 + number)), to: y1) }
    return (0..<count).filter {
      laboratory.nat.mapping(of: NATLaboratory.x1.port(UInt16(5000 + $0)), toward: y1) != nil
    }
  }

  @Test("a full table drops what is new, or what was used least recently")
  func fullTable() {
    let dropping = NATConfiguration.changed { $0.mappingLimit = 10 }
    let evicting = dropping.changed { $0.whenFull = .evictLeastRecentlyUsed }
    #expect(survivors(dropping, count: 15) == Array(0..<10))
    #expect(survivors(evicting, count: 15) == Array(5..<15))
    #expect(survivors(.portRestrictedCone, count: 15) == Array(0..<15))
  }

  @Test("what is used stays, in either direction")
  func use() {
    var laboratory = NATLaboratory(
      .fullCone.changed {
        $0.mappingLimit = 3
        $0.whenFull = .evictLeastRecentlyUsed
      })
    let sockets = (0..<4).map { NATLaboratory.x1.port(UInt16(5000 + $0)) }
    let first = laboratory.send(sockets[0], to: y1)!
    laboratory.send(sockets[1], to: y1)
    laboratory.send(sockets[2], to: y1)
    laboratory.answer(z1, to: first)
    laboratory.send(sockets[1], to: y1)
    laboratory.send(sockets[3], to: y1)
    #expect(sockets.map { laboratory.nat.mapping(of: $0, toward: y1) != nil } == [true, true, false, true])
    #expect(laboratory.nat.mappingCount == 3)
  }

  @Test("each host has its own limit", arguments: [1, 3])
  func hostLimit(limit: Int) {
    for policy in [Configuration.FullTable.dropNew, .evictLeastRecentlyUsed] {
      var laboratory = NATLaboratory(
        .changed {
          $0.mappingLimitPerHost = limit
          $0.whenFull = policy
        })
      for number in 0..<5 { laboratory.send(NATLaboratory.x1.port(UInt16(5000 + number)), to: y1) }
      #expect(laboratory.drop == (policy == .dropNew ? .hostLimit : nil))
      #expect(laboratory.send(NATLaboratory.x2.port(7000), to: y1) != nil)
      #expect(laboratory.nat.mappingCount == limit + 1)
      let newest = laboratory.nat.mapping(of: NATLaboratory.x1.port(5004), toward: y1)
      #expect((newest != nil) == (policy == .evictLeastRecentlyUsed))
    }
  }

  @Test("no port left means that the flow is dropped and nothing is remembered of it")
  func exhaustion() {
    var laboratory = NATLaboratory(.symmetric.changed { $0.ports = 2000...2003 })
    for number in 0..<4 {
      #expect(laboratory.send(NATLaboratory.x1.port(UInt16(5000 + number)), to: y1) != nil)
    }
    #expect(laboratory.send(x2, to: y1) == nil)
    #expect(laboratory.drop == .portsExhausted)
    #expect(laboratory.nat.hostCount == 1)
    #expect(laboratory.nat.mappingCount == 4)
  }

  // MARK: X9

  @Test("a reboot forgets all, and may bring another address")
  func reboot() {
    func place(after reboot: (inout NATCore) -> Void) -> (still: Bool, place: SocketAddress?) {
      var laboratory = NATLaboratory(.fullCone)
      let mapped = laboratory.send(x1, to: y1)!
      reboot(&laboratory.nat)
      return (laboratory.answer(y1, to: mapped) == x1, laboratory.send(x1, to: y1))
    }
    let old = NATLaboratory.outsideAddress
    let new = IPAddress(198, 51, 100, 99)
    #expect(place { _ in } == (true, old.port(5000)))
    #expect(place { $0.reboot() } == (false, old.port(5000)))
    #expect(place { $0.reboot(newAddresses: [new]) } == (false, new.port(5000)))
  }

  @Test("a reboot leaves nothing behind")
  func rebootLeavesNothing() {
    var laboratory = NATLaboratory(.changed { $0.unsolicitedSYN = .rejectLater })
    laboratory.send(x1, to: y1)
    laboratory.connect(x2, to: y1)
    laboratory.segment(.syn, z1, to: NATLaboratory.outsideAddress.port(9), from: .outside)
    #expect(laboratory.nat.unansweredSYNCount == 1)
    laboratory.nat.reboot()
    #expect(laboratory.nat.isEmpty)
    #expect(laboratory.nat.nextDeadline == nil)
  }

  // MARK: X10

  @Test("new mappings come no faster than the limit, old ones work on")
  func rate() {
    func opened(_ configuration: Configuration) -> Int {
      var laboratory = NATLaboratory(configuration)
      var count = 0
      // 300 flows in three seconds.
      for number in 0..<300 {
        if laboratory.send(NATLaboratory.x1.port(UInt16(5000 + number)), to: y1) != nil { count += 1 }
        laboratory.wait(.milliseconds(10))
      }
      #expect(laboratory.send(NATLaboratory.x1.port(5000), to: y1) != nil)
      return count
    }
    let limited = opened(.changed { $0.newMappingsPerSecond = 20 })
    // As many at once as in a second, and then 20 a second.
    #expect((75...81).contains(limited))
    #expect(opened(.portRestrictedCone) == 300)
  }
}

extension NATCore {
  /// Whether it remembers nothing at all.
  var isEmpty: Bool {
    mappingCount == 0 && filterCount == 0 && hostCount == 0 && heldFragmentCount == 0
      && unansweredSYNCount == 0
  }
}
