// Batches of datagrams: recvmmsg and sendmmsg with UDP GSO and GRO, and the queue of ICMP errors.
#ifndef CDATAGRAMS_H
#define CDATAGRAMS_H

#include <stdint.h>

// An address and a port, in the byte order of this machine; family 4 or 6, or 0 for none.
typedef struct {
  uint64_t high;
  uint64_t low;
  uint32_t zone;
  uint16_t port;
  uint8_t family;
} cd_address;

// Equal datagrams end to end, of `segment` bytes each but for a shorter last.
typedef struct {
  const void *base;
  uint32_t length;
  uint32_t segment;
  cd_address remote;
  cd_address local;
  int16_t hop_limit;  // -1: not known, or the system's choice
  uint8_t ecn;
} cd_run;

// Memory to receive into, shared by all sockets of one thread.
typedef struct cd_receiver cd_receiver;
cd_receiver *cd_receiver_create(unsigned buffers, unsigned bytes);
void cd_receiver_destroy(cd_receiver *receiver);

// Receives what is there: returns how many of `runs` (as many as the receiver has buffers) were filled, or a
// negative error number.
int cd_receive(int descriptor, cd_receiver *receiver, cd_run *runs);

// How far sending came: whole runs, then bytes of the next one; and the error that stopped it, if one did.
typedef struct {
  uint32_t runs;
  uint32_t bytes;
  int error;
} cd_sent;

// Sends runs in order; with `offload`, up to 64 segments leave in one message.
cd_sent cd_send(int descriptor, const cd_run *runs, uint32_t count, int offload);

enum {
  CD_PORT_UNREACHABLE = 1,
  CD_UNREACHABLE = 2,
  CD_PROHIBITED = 3,
  CD_HOP_LIMIT = 4,
  CD_TOO_LARGE = 5,
};

// A report that a datagram did not arrive.
typedef struct {
  int reason;
  uint32_t mtu;
  cd_address destination;
  cd_address reporter;
  uint32_t length;
  uint8_t excerpt[64];
} cd_failure;

// Takes one report from the error queue: 1 when there was one, 0 when not; reason 0 is not worth telling.
int cd_receive_failure(int descriptor, cd_failure *failure);

// Whether the kernel splits runs on sending, and whether it was made to join them on receiving.
int cd_can_split(int descriptor);
int cd_join(int descriptor);

// Names a thread for debuggers; the system keeps fifteen bytes. (Swift's Glibc lacks the call.)
void cd_name_thread(unsigned long thread, const char *name);

#endif
