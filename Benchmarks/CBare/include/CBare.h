// Senders and receivers of datagrams with nothing around them: what the system can do at most.
#ifndef CBARE_H
#define CBARE_H

#include "CBareRelay.h"

// Sends datagrams of `size` bytes over loopback from one thread to another for `seconds`, and returns how many
// arrived a second; with `offload`, 54 of them leave in one call and arrive joined.
double bare_datagrams(int size, double seconds, int offload);

#endif
