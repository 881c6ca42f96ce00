import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenTLS

/// A client and a server, and what is on its way between them.
final class TLSLaboratory {
  let keys: (client: PrivateKey, server: PrivateKey)
  /// The client is the first.
  let cores: [TLSCore]
  /// What has left each side and has not arrived.
  var onTheWay: [[UInt8]] = [[], []]
  /// How many bytes have left each side.
  private(set) var sent = [0, 0]
  /// What a test does with what has left a side, first.
  var tap: (_ side: Int, _ offset: Int, inout [UInt8]) -> Void = { _, _, _ in }
  /// How many bytes arrive at once, at most.
  var piece: () -> Int = { .max }
  /// How much may be on its way before no more leaves, as with TCP.
  var window = Int.max
  /// What each side has read, and how it ended.
  var heard: [[UInt8]] = [[], []]
  var ends: [Result<Void, TLSError>?] = [nil, nil]

  static let start = Instant(nanoseconds: 1)

  init(
    seed: UInt64 = 1, expecting: PeerID?? = nil, name: String? = nil, identities: [TLSIdentity]? = nil,
    _ change: (Int, inout TLSConfiguration) -> Void = { _, _ in }
  ) throws {
    var random = SeededRandom(seed)
    let keys = (PrivateKey(using: &random), PrivateKey(using: &random))
    self.keys = keys
    let configurations = [0, 1].map { side in
      var configuration = TLSConfiguration(protocols: ["warren-test"])
      change(side, &configuration)
      return configuration
    }
    let identities = try identities ?? [TLSIdentity(keys.0), TLSIdentity(keys.1)]
    let expected = expecting ?? keys.1.peerID
    cores = [
      try TLSCore(.client(expecting: expected, name: name), identities[0], configurations[0], at: Self.start),
      try TLSCore(.server, identities[1], configurations[1], at: Self.start),
    ]
  }

  var client: TLSCore { cores[0] }
  var server: TLSCore { cores[1] }
  var phases: [TLSCore.Phase] { cores.map(\.phase) }
  var errors: [TLSError?] { cores.map { if case .ended(let error) = $0.phase { error } else { nil } } }
  var areOpen: Bool { phases == [.open, .open] }

  /// Carries bytes to and fro until no more leave or fit.
  func run() {
    var isSettled = false
    while !isSettled {
      isSettled = true
      for side in 0...1 {
        if onTheWay[side].count < window { take(from: side) }
        if deliver(from: side, atMost: max(1, piece())) > 0 { isSettled = false }
      }
    }
  }

  /// Has what is on its way from a side arrive, as far as the other has room.
  @discardableResult
  func deliver(from side: Int, atMost limit: Int = .max) -> Int {
    let arriving = Array(onTheWay[side].prefix(limit))
    let count = cores[1 - side].receive(arriving.span.bytes)
    onTheWay[side].removeFirst(count)
    return count
  }

  /// Takes what is to leave a side, in pieces.
  func take(from side: Int) {
    var left: [UInt8] = []
    while cores[side].outgoingCount > 0 {
      #expect(cores[side].outgoingCount <= TLSLimits.outgoingBytes)
      let limit = max(1, piece())
      cores[side].transmit { bytes in
        bytes.withUnsafeBytes {
          left += $0.prefix(limit)
          return min(limit, $0.count)
        }
      }
    }
    guard !left.isEmpty else { return }
    tap(side, sent[side], &left)
    sent[side] += left.count
    onTheWay[side] += left
  }

  /// Shakes hands.
  func open() throws {
    run()
    try #require(areOpen)
  }

  /// Has a side read what there is.
  @discardableResult
  func read(_ side: Int, atMost limit: Int = 100_000) -> Int {
    do {
      var result = TCPRead.nothingYet
      let bytes = try [UInt8](rawCapacity: limit) { (buffer) throws(TLSError) in
        result = try cores[side].read(into: &buffer)
      }
      heard[side] += bytes
      if result == .ended { ends[side] = .success(()) }
      return bytes.count
    } catch {
      ends[side] = .failure(error)
      return 0
    }
  }

  /// Has both sides read all there is.
  func drain() {
    var isSettled = false
    while !isSettled {
      run()
      isSettled = read(0) + read(1) == 0
    }
    run()
  }

  /// Has a side write what it has room for.
  ///
  /// - Returns: how many bytes.
  @discardableResult
  func say(_ bytes: [UInt8], _ side: Int) throws -> Int { try cores[side].write(bytes.span.bytes) }

  /// Has a side write all of `bytes`, and the other read it.
  func write(_ bytes: [UInt8], _ side: Int) throws {
    var written = 0
    while written < bytes.count {
      written += try cores[side].write(bytes.span.bytes.extracting(droppingFirst: written))
      drain()
      try #require(errors == [nil, nil])
    }
  }
}
