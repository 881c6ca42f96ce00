import Warren

/// Reads a text as SDP; what it is read to be reads the same when it is written.
func fuzzSDP(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  _ = try? Candidate(sdp: text)
  do {
    let reading = try ICEDescription.reading(sdp: text)
    for refusal in reading.refused { precondition(!refusal.description.isEmpty) }
    let again = try ICEDescription(sdp: reading.description.sdp())
    precondition(again.candidates.map(\.address) == reading.description.candidates.map(\.address))
    precondition(again.password == reading.description.password)
  } catch {
    precondition(!error.description.isEmpty)
  }
}

/// Reads a signal; one that is a signal has the bytes it was read from, and its description is one that ICE takes.
func fuzzSignal(_ bytes: [UInt8]) {
  do {
    let signal = try PunchSignal(decoding: bytes.span.bytes)
    let again = signal.encoded
    precondition(again.count <= PunchLimits.signalBytes)
    let back = try? PunchSignal(decoding: again.span.bytes)
    precondition(back == signal)
  } catch {
    precondition(!error.description.isEmpty)
  }
}

/// Reads a plan of a search; one that is a plan is within all limits, and its bytes are those it was read from.
func fuzzPlan(_ bytes: [UInt8]) {
  guard let plan = SearchPlan(decoding: bytes.span.bytes) else { return }
  precondition(plan.probes <= SearchLimits.packets && plan.sockets <= SearchLimits.sockets)
  var ports = plan.ports()
  for _ in 0..<3000 { _ = ports.next() }
  let again = [UInt8](rawCapacity: SearchPlan.encodedSize) { plan.encode(into: &$0) }
  precondition(SearchPlan(decoding: again.span.bytes) == plan)
}
