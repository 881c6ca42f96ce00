// QUIC with nothing around it: two connections of ngtcp2's that hand each other packets in memory, in one thread. What
// the cryptography and the machinery of QUIC cost at least, with keys of Ed25519 instead of certificates on both sides.
#ifndef CBAREQUIC_H
#define CBAREQUIC_H

#include <stddef.h>
#include <stdint.h>

// Each returns 0, or what ngtcp2 (-201 to -248, -500 and below) or GnuTLS (any other) says went wrong. The time on the
// wall and that of the processor are the calling thread's, and both sides' together.

// Makes both sides, lets them meet until the client knows the handshake confirmed, and frees them: `count` times, one
// after the other.
int bare_quic_handshakes(int count, double *seconds, double *cpu_seconds);

// Sends `bytes` on one stream in packets of `packet` bytes (1,200 to 65,527; Ethernet has room for 1,452 over IPv6), to
// a receiver that only opens the windows again. The handshake is not counted.
int bare_quic_transfer(uint64_t bytes, size_t packet, double *seconds, double *cpu_seconds);

// Keeps `count` pairs whose handshakes are over and all acknowledged, and says how much of the heap ngtcp2 and GnuTLS
// hold for one side. Nobody else should ask for memory meanwhile.
int bare_quic_idle(int count, double *bytes_per_connection);

// How many bytes of the heap are in use.
size_t bare_quic_heap(void);

// Gives back to the system what of the heap nobody uses.
void bare_quic_trim(void);

#endif
