#define _GNU_SOURCE
#include "CBare.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static double seconds_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

typedef struct {
  int descriptor;
  int size;
  int offload;
  double end;
  uint64_t bytes;
} job;

static void *run_sender(void *pointer) {
  job *work = pointer;
  size_t length = (size_t)work->size * (work->offload ? 54 : 1);
  char *buffer = calloc(1, length);
  if (work->offload) {
    int segment = work->size;
    setsockopt(work->descriptor, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
  }
  while (seconds_now() < work->end)
    for (int i = 0; i < 64; i++) (void)!send(work->descriptor, buffer, length, 0);
  free(buffer);
  return NULL;
}

static void *run_receiver(void *pointer) {
  job *work = pointer;
  char *buffer = malloc(65536);
  struct timeval patience = {0, 100000};
  setsockopt(work->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (work->offload) {
    int yes = 1;
    setsockopt(work->descriptor, SOL_UDP, UDP_GRO, &yes, sizeof yes);
  }
  while (seconds_now() < work->end)
    for (int i = 0; i < 64; i++) {
      ssize_t count = recv(work->descriptor, buffer, 65536, 0);
      if (count < 0) break;
      work->bytes += (uint64_t)count;
    }
  free(buffer);
  return NULL;
}

double bare_datagrams(int size, double seconds, int offload) {
  int receiver = socket(AF_INET, SOCK_DGRAM, 0);
  int sender = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(receiver, (struct sockaddr *)&address, length) || getsockname(receiver, (struct sockaddr *)&address, &length) ||
      connect(sender, (struct sockaddr *)&address, length))
    abort();
  double end = seconds_now() + seconds;
  job sending = {sender, size, offload, end, 0};
  job receiving = {receiver, size, offload, end, 0};
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, run_receiver, &receiving);
  pthread_create(&threads[1], NULL, run_sender, &sending);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  close(sender);
  close(receiver);
  return (double)receiving.bytes / size / seconds;
}
