// Clients of a relay and their peer, with as little around them as can be: what is measured is the relay.
#ifndef CBARE_RELAY_H
#define CBARE_RELAY_H

#include <stdint.h>

typedef struct {
  // The clients' sockets, connected to the relay, each with its channel 0x4000 bound to the peer's socket.
  const int *clients;
  // The port of each one's relayed address.
  const uint16_t *relayed;
  int count;
  int peer;
  // Bytes that are carried, and how many such datagrams an allocation gets at once.
  int size;
  int burst;
  // Whether these leave in one call, as from a program that sends much.
  int offload;
  int to_clients;
  double seconds;
} bare_relay_load;

typedef struct {
  long sent;
  long heard;
  double seconds;
} bare_relay_result;

// A socket on loopback, connected to a port unless that is 0.
int bare_relay_socket(uint16_t port);
uint16_t bare_relay_port(int descriptor);
// Sends waves of 256 datagrams, each when the one before has come through, or 20 ms have passed.
bare_relay_result bare_relay(bare_relay_load load);

#endif
