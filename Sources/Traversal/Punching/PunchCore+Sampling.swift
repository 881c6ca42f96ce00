import WarrenMachine
import WarrenSTUN

/// Finding out how the NATs before this machine choose ports: a few sockets ask a few STUN servers.
extension PunchCore {
  /// Why a socket is wanted.
  public enum SocketPurpose: Hashable, Sendable {
    /// To see which outside ports several sockets get.
    case sampling
    /// The opener's socket of this number.
    case search(Int)
  }

  /// The base whose ports are foreseen and from which ports are probed.
  var samplingBase: Base? { bases.first { $0.local.ip.family == .v4 && $0.channel.isSocket } }

  mutating func beginSampling(at now: Instant) {
    guard configuration.search != nil, let base = samplingBase else { return }
    if let model = configuration.portModel, search.round == 0 {
      return tellPorts(model, sampleAge: .zero, at: now)
    }
    let sampling = PortSampling(servers: configuration.stunServers.filter { $0.ip.family == .v4 })
    guard !sampling.isOver else { return }
    search.sampling = sampling
    search.samplers = search.round == 0 ? [(base.channel, base.local.port)] : []
    search.missingSamplers = 0
    let wanted = SearchLimits.samplesPerBurst - search.samplers.count
    search.socketRequests += Array(repeating: .sampling, count: wanted)
  }

  /// The next socket that is wanted: a UDP socket of IPv4 at any port.
  public mutating func pollSocketRequest() -> SocketPurpose? {
    search.socketRequests.isEmpty ? nil : search.socketRequests.removeFirst()
  }

  /// A socket that can be closed again.
  public mutating func pollSocketToClose() -> Int? {
    search.socketsToClose.isEmpty ? nil : search.socketsToClose.removeFirst()
  }

  /// The wanted socket is there; without one, a search makes do with those it has.
  public mutating func opened(_ purpose: SocketPurpose, socket: Int?, port: UInt16, at now: Instant) {
    switch purpose {
    case .sampling:
      if let socket {
        search.samplers.append((.socket(socket), port))
      } else {
        search.missingSamplers += 1
      }
      guard search.samplers.count + search.missingSamplers == SearchLimits.samplesPerBurst else { return }
      search.sampling?.begin(search.samplers, at: now)
      handleSampling(at: now)
    case .search(let number):
      guard let socket else { return }
      openedSearchSocket(number, socket: socket, port: port)
    }
  }

  mutating func handleSampling(at now: Instant) {
    search.sampling?.handleDeadline(at: now, using: &random)
    endSampling(at: now)
  }

  private mutating func endSampling(at now: Instant) {
    guard let over = search.sampling, over.isOver else { return }
    search.sampling = nil
    for case (.socket(let socket), _) in search.samplers where samplingBase?.channel != .socket(socket) {
      search.socketsToClose.append(socket)
    }
    guard let model = PortModel(fitting: over.samples), let last = over.lastSample else { return }
    tellPorts(model, sampleAge: last.duration(to: now), at: now)
  }

  /// An answer to a sampling question.
  mutating func receiveSample(_ bytes: RawSpan, _ source: SocketAddress, at now: Instant) -> Bool {
    guard search.sampling != nil, configuration.stunServers.contains(source),
      let message = try? STUNMessage(bytes), message.messageClass == .success
    else { return false }
    let isTaken = search.sampling?.receive(message, from: source) ?? false
    if isTaken { endSampling(at: now) }
    return isTaken
  }
}

extension PunchCore.Channel {
  var isSocket: Bool { if case .socket = self { true } else { false } }
}
