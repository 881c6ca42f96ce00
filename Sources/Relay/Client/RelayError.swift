import WarrenMachine
import WarrenSTUN
import WarrenTLS

/// Why there is no relay, or no longer.
public struct RelayError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable {
    /// The server does not take this user's password.
    case wrongPassword
    /// The allocation is another user's.
    case wrongUser
    /// The server does not allow it.
    case forbidden
    /// This user has as many allocations as it may.
    case quota
    /// The server has no room.
    case noRoom
    /// The server has no address of this family.
    case noSuchFamily
    /// The server does not relay UDP.
    case noUDP
    /// The server does not relay TCP.
    case noTCP
    /// The relay could not connect to the peer.
    case unreachablePeer
    /// The relay has a connection with the peer already.
    case alreadyConnected
    /// The server takes every five-tuple for another allocation's.
    case mismatch
    /// The server lacks something that it must understand.
    case notUnderstood
    /// Servers send one to another, and none serves.
    case redirectedTooOften
    /// Somebody between here and the server wants a weaker signature than it could have.
    case downgraded
    /// Nothing answers.
    case silent
    /// The server, or somebody in its place, answers what makes no sense, or proves nothing.
    case badAnswer
    /// The server says that it has failed, with a number of its own.
    case server(UInt16)
    /// The server knows nothing of the allocation any more.
    case forgotten
    /// This machine has another address, and the server does not let the allocation follow.
    case moved
    /// The network has refused.
    case network(NetworkError)
    /// TLS has refused.
    case tls(TLSError)
    /// A text is no address of a relay.
    case notAnAddress
    /// Nobody has said which servers there are.
    case noServers
    /// It was closed by this program.
    case closed
  }

  /// What went wrong.
  public var code: Code
  /// What is known besides.
  public var reason: String

  /// An error.
  public init(_ code: Code, reason: String = "") {
    self.code = code
    self.reason = reason
  }
}

extension RelayError: CustomStringConvertible {
  /// What went wrong, and what to do about it.
  public var description: String { text + (reason.isEmpty ? "" : " (\(reason.undisturbing))") }

  private var text: String {
    switch code {
    case .wrongPassword:
      "the relay does not take this user name and password: check both, and the server's realm"
    case .wrongUser: "the allocation belongs to another user: use the name and password that it was made with"
    case .forbidden: "the relay does not allow this: ask whoever runs it which users and peers it serves"
    case .quota:
      "this user has as many allocations as the relay allows: close some, or wait ten minutes until they end"
    case .noRoom: "the relay has no room now: try another, or later"
    case .noSuchFamily: "the relay has no address of this family: ask for the other, or use another relay"
    case .noUDP: "the relay does not carry UDP: use another"
    case .noTCP: "the relay carries no TCP: use another, or datagrams"
    case .unreachablePeer:
      "the relay could not connect to the peer: check its address and port, and try again in ten seconds or later"
    case .alreadyConnected: "the relay has a connection with this peer already: use or close that"
    case .mismatch:
      "the relay takes each of our ports for another client's: wait two minutes, or use another relay"
    case .notUnderstood: "the relay lacks what it was asked for: use another, or ask for less"
    case .redirectedTooOften: "relays send from one to another, and none serves: tell whoever runs them"
    case .downgraded:
      "somebody on the way wants a weaker signature than the relay offers: this network is not to be trusted"
    case .silent:
      "the relay does not answer: check its address and port, and whether a firewall blocks it (try TCP or TLS)"
    case .badAnswer: "what answers is no relay, or cannot prove that it knows the password"
    case .server(let number): "the relay has refused with error \(number): try another, or later"
    case .forgotten:
      "the relay has forgotten the allocation, since it was restarted perhaps: ask for a new one"
    case .moved: "this machine's address has changed, and the relay cannot follow: ask for a new allocation"
    case .network(let error): "the relay cannot be reached: \(error)"
    case .tls(let error): "there is no TLS with the relay: \(error)"
    case .notAnAddress:
      "this is no address of a relay: write turn:HOST:PORT?transport=udp (or tcp), or turns:HOST:PORT"
    case .noServers: "there is no relay to ask: name one"
    case .closed: "the relayed socket is closed"
    }
  }
}

extension RelayError {
  /// What a server's refusal means for whoever wants an allocation.
  init(_ code: STUNErrorCode, isRefresh: Bool = false) {
    switch code {
    case .unauthenticated, .staleNonce: self.init(.wrongPassword)
    case .forbidden: self.init(Code.forbidden)
    case .unknownAttribute: self.init(.notUnderstood)
    case .allocationMismatch: self.init(isRefresh ? .forgotten : .mismatch)
    case .addressFamilyNotSupported, .peerAddressFamilyMismatch: self.init(.noSuchFamily)
    case .wrongCredentials: self.init(.wrongUser)
    case .unsupportedTransport: self.init(.noUDP)
    case .connectionExists: self.init(.alreadyConnected)
    case .connectionFailure: self.init(.unreachablePeer)
    case .allocationQuotaReached: self.init(.quota)
    case .insufficientCapacity: self.init(.noRoom)
    default: self.init(.server(code.rawValue))
    }
  }

  /// What others have to say, as an error of ours.
  init(_ error: any Error) {
    switch error {
    case let error as RelayError: self = error
    case let error as TLSError: self.init(.tls(error))
    case let error as NetworkError: self.init(.network(error))
    case is DeadlineExceeded: self.init(.silent)
    default: self.init(.closed)
    }
  }

  /// How much it tells of several servers' errors: a server that refuses says more than one that is not there.
  var weight: Int {
    switch code {
    case .silent, .network, .closed: 0
    case .tls, .badAnswer, .noSuchFamily, .noUDP, .noTCP, .redirectedTooOften: 1
    case .noRoom, .quota, .mismatch, .server: 2
    default: 3
    }
  }
}
