import WarrenMachine
import WarrenSTUN

/// One question, and what became of it.
struct DiscoveryProbe {
  /// What it is to find out.
  enum Purpose: Hashable {
    /// Whether anybody answers at all, and at which other address the server is.
    case first
    /// Whether an answer comes in from another port of the server's, or from another address.
    case filter(fromOtherAddress: Bool)
    /// Where the world sees one of two sockets.
    case hairpinAddress(Int)
    /// Whether the other of them is reached there.
    case hairpin(Int)
    /// What a resting socket needs.
    case rest(Int)
  }

  enum State: Hashable {
    case waiting
    /// Where the question was seen to come from.
    case answered(SocketAddress?)
    /// The server cannot do it, or does something else.
    case refused
    case silent
  }

  let purpose: Purpose
  let socket: Int
  let destination: SocketAddress
  let id: TransactionID
  /// To which port of the same address the answer is to go.
  var responsePort: UInt16?
  var timer: STUNRequestTimer
  var state = State.waiting
  var isDue = true

  var isOver: Bool { state != .waiting }

  var mapped: SocketAddress? { if case .answered(let mapped) = state { mapped } else { nil } }

  var wasAnswered: Bool { if case .answered = state { true } else { false } }

  func write(into message: inout STUNMessageWriter) {
    message.begin(.request, .binding, id)
    // RFC 5780, 7.2: 4 for the address, 2 for the port.
    if case .filter(let fromOtherAddress) = purpose {
      message.add(.changeRequest, fromOtherAddress ? 6 : 2 as UInt32)
    }
    if let responsePort { message.add(.responsePort, UInt32(responsePort) << 16) }
  }
}
