// TLS 1.3 with nothing around it: two sessions of GnuTLS' that hand each other bytes in memory, in one thread, with keys of
// Ed25519 instead of certificates on both sides. What the cryptography and GnuTLS' records cost at least.
#ifndef CBARETLS_H
#define CBARETLS_H

#include <stdint.h>

// Each returns 0, or what GnuTLS says went wrong. The seconds are the calling thread's of the processor, both sides'
// together.

// Makes both sides, lets them shake hands, and frees them: `count` times, one after the other.
int bare_tls_handshakes(int count, double *cpu_seconds);

// Sends `bytes` from one to the other, four full records at a time.
int bare_tls_transfer(uint64_t bytes, double *cpu_seconds);

#endif
