import Glibc

/// What libFuzzer calls with each input: one program for all targets, of which `FUZZ_TARGET` names one.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

private let targets: [String: @Sendable ([UInt8]) -> Void] = [
  "stun": fuzzSTUN, "ice": fuzzICE, "sdp": fuzzSDP, "pcp": fuzzPCP, "natpmp": fuzzNATPMP, "plan": fuzzPlan,
  "signal": fuzzSignal, "quic": fuzzQUIC, "tls": fuzzTLS, "http": fuzzHTTP, "pairing": fuzzPairing,
  "registry": fuzzRegistry, "relay": fuzzRelay, "dns": fuzzDNS, "files": fuzzFiles,
  "plaintext": fuzzPlaintext,
]

private let target: @Sendable ([UInt8]) -> Void = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else { fatalError("FUZZ_TARGET must be one of \(targets.keys.sorted())") }
  return target
}()

/// Takes an input apart: what decides comes first, what is decided upon last.
struct Input {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  /// The next byte; 0 when there is none.
  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// As many bytes as the next two say.
  mutating func block() -> [UInt8] {
    let count = Int(byte()) << 8 | Int(byte())
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }
}

/// Chance that is the same for each input.
struct FuzzRandom: RandomNumberGenerator {
  private var state: UInt64 = 7

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
  }
}
