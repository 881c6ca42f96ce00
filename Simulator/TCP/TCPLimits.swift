import WarrenMachine

/// The limits of a simulated TCP, each as Linux has it unless its line says why not.
package struct TCPLimits: Hashable, Sendable {
  /// What may wait to be sent or acknowledged: enough for 100 Mbit/s over 20 ms.
  package var sendBuffer = 256 * 1024
  /// A writer is woken when so much of the send buffer is free, so that it is not woken for each segment.
  package var sendLowWater = 16 * 1024
  /// What may wait to be read, and with it the largest window announced.
  package var receiveBuffer = 256 * 1024
  /// Pieces that may wait for an earlier one: against senders of a byte each, not against usual loss.
  package var earlyPieces = 1024
  /// How often a SYN is sent again: after 1, 2, 4, ... 32 s; with the last wait of 64 s, 127 s in all.
  package var openingRetransmissions = 6
  /// How often anything else is sent again before the connection is given up (R2 of RFC 9293, 3.8.3).
  package var retransmissions = 15
  /// The timeout before anything was measured (RFC 6298, 2.1).
  package var initialTimeout = Duration.seconds(1)
  /// The timeout for the first data where the SYN had to be sent again (RFC 6298, 5.7).
  package var timeoutAfterLostSYN = Duration.seconds(3)
  /// The shortest timeout.
  package var shortestTimeout = Duration.milliseconds(200)
  /// The longest timeout.
  package var longestTimeout = Duration.seconds(120)
  /// The congestion window at the beginning, in segments (RFC 6928).
  package var initialWindow = 10
  /// TIME-WAIT: twice the 30 s that Linux takes a segment to live at most (RFC 9293, 3.6.1).
  package var timeWait = Duration.seconds(60)
  /// How long a connection that this side closed waits for the other side's FIN.
  package var finishWait = Duration.seconds(60)
  /// Between two answers to segments that fit nowhere: without it two sides could answer each other forever.
  package var challengeInterval = Duration.milliseconds(500)

  package init() {}
}
