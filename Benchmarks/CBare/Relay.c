#define _GNU_SOURCE
#include "CBareRelay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { most = 64, room = 65536 };

static struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int bare_relay_socket(uint16_t port) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct sockaddr_in own = loopback(0), other = loopback(port);
  int bytes = 4 << 20, yes = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  setsockopt(descriptor, SOL_UDP, UDP_GRO, &yes, sizeof yes);
  struct timeval patience = {.tv_sec = 2};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  bind(descriptor, (struct sockaddr *)&own, sizeof own);
  if (port) connect(descriptor, (struct sockaddr *)&other, sizeof other);
  return descriptor;
}

uint16_t bare_relay_port(int descriptor) {
  struct sockaddr_in own;
  socklen_t size = sizeof own;
  getsockname(descriptor, (struct sockaddr *)&own, &size);
  return ntohs(own.sin_port);
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Sends `count` datagrams that lie one behind the other, in one call or one call's worth of messages.
static void send_burst(int descriptor, uint8_t *bytes, int size, int count, int offload, struct sockaddr_in *to) {
  struct iovec vectors[most];
  struct mmsghdr messages[most];
  memset(messages, 0, sizeof messages);
  if (offload && count > 1) {
    union {
      char bytes[CMSG_SPACE(sizeof(uint16_t))];
      struct cmsghdr header;
    } control = {0};
    vectors[0] = (struct iovec){bytes, (size_t)size * (size_t)count};
    struct msghdr message = {
        .msg_iov = vectors, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
        .msg_name = to, .msg_namelen = to ? sizeof *to : 0};
    control.header = (struct cmsghdr){
        .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(uint16_t))};
    uint16_t segment = (uint16_t)size;
    memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    sendmsg(descriptor, &message, 0);
    return;
  }
  for (int i = 0; i < count; i++) {
    vectors[i] = (struct iovec){bytes + (size_t)i * (size_t)size, (size_t)size};
    messages[i].msg_hdr = (struct msghdr){
        .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = to, .msg_namelen = to ? sizeof *to : 0};
  }
  for (int sent = 0; sent < count;) {
    int more = sendmmsg(descriptor, messages + sent, (unsigned)(count - sent), 0);
    if (more <= 0) return;
    sent += more;
  }
}

// Takes what is there, and says how many datagrams of `size` bytes it was.
static long take(int descriptor, int size) {
  static uint8_t memory[16][room];
  struct iovec vectors[16];
  struct mmsghdr messages[16];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < 16; i++) {
    vectors[i] = (struct iovec){memory[i], room};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(descriptor, messages, 16, MSG_DONTWAIT, NULL);
  long found = 0;
  for (int i = 0; i < count; i++) found += ((int)messages[i].msg_len + size - 1) / size;
  return found;
}

bare_relay_result bare_relay(bare_relay_load load) {
  static uint8_t bytes[room];
  memset(bytes, 7, sizeof bytes);
  int sent_size = load.to_clients ? load.size : load.size + 4;
  int heard_size = load.to_clients ? load.size + 4 : load.size;
  for (int i = 0; i < load.burst && !load.to_clients; i++) {
    uint8_t header[4] = {0x40, 0, (uint8_t)(load.size >> 8), (uint8_t)load.size};
    memcpy(bytes + (size_t)i * (size_t)sent_size, header, 4);
  }
  // 256 datagrams are under way at once, of as many allocations as there are.
  int wave = 256 / load.burst;
  bare_relay_result result = {0};
  int next = 0;
  double start = seconds(), end = start + load.seconds;
  while (seconds() < end) {
    long heard = 0, wanted = (long)wave * load.burst;
    for (int i = 0; i < wave; i++) {
      int who = (next + i) % load.count;
      struct sockaddr_in to = loopback(load.relayed[who]);
      if (load.to_clients)
        send_burst(load.peer, bytes, sent_size, load.burst, load.offload, &to);
      else
        send_burst(load.clients[who], bytes, sent_size, load.burst, load.offload, NULL);
    }
    double patience = seconds() + 0.02;
    while (heard < wanted && seconds() < patience) {
      if (!load.to_clients) {
        heard += take(load.peer, heard_size);
      } else {
        for (int i = 0; i < wave; i++) heard += take(load.clients[(next + i) % load.count], heard_size);
      }
    }
    next = (next + wave) % load.count;
    result.sent += wanted;
    result.heard += heard;
  }
  result.seconds = seconds() - start;
  return result;
}
