#define _GNU_SOURCE
#include "CDatagrams.h"

#include <endian.h>
#include <errno.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

// Behind time.h, whose timespec it uses and does not include.
#include <linux/errqueue.h>

// What older headers than the kernel lack.
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
  // UDP_MAX_SEGMENTS of the kernel.
  max_segments = 64,
  // 65,535 less the headers of IPv4 and UDP.
  max_payload = 65507,
  // Messages in one sendmmsg: more would only grow the stack.
  max_messages = 64,
  // Room for the control messages below, each with its header and padding.
  control_bytes = 192,
};

// MARK: Addresses

static cd_address from_v4(struct in_addr ip, uint16_t port) {
  return (cd_address){.low = ntohl(ip.s_addr), .port = port, .family = 4};
}

static cd_address from_v6(const struct in6_addr *ip, uint16_t port, uint32_t zone) {
  cd_address address = {.port = port, .family = 6, .zone = IN6_IS_ADDR_LINKLOCAL(ip) ? zone : 0};
  uint64_t halves[2];
  memcpy(halves, ip, 16);
  address.high = be64toh(halves[0]);
  address.low = be64toh(halves[1]);
  return address;
}

static cd_address from_sockaddr(const void *storage) {
  sa_family_t family;
  memcpy(&family, storage, sizeof family);
  if (family == AF_INET) {
    struct sockaddr_in address;
    memcpy(&address, storage, sizeof address);
    return from_v4(address.sin_addr, ntohs(address.sin_port));
  }
  if (family == AF_INET6) {
    struct sockaddr_in6 address;
    memcpy(&address, storage, sizeof address);
    return from_v6(&address.sin6_addr, ntohs(address.sin6_port), address.sin6_scope_id);
  }
  return (cd_address){0};
}

static struct in6_addr to_v6(cd_address address) {
  uint64_t halves[2] = {htobe64(address.high), htobe64(address.low)};
  struct in6_addr ip;
  memcpy(&ip, halves, 16);
  return ip;
}

static socklen_t to_sockaddr(cd_address address, struct sockaddr_storage *storage) {
  if (address.family == 4) {
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(address.port), .sin_addr.s_addr = htonl((uint32_t)address.low)};
    memcpy(storage, &v4, sizeof v4);
    return sizeof v4;
  }
  struct sockaddr_in6 v6 = {
      .sin6_family = AF_INET6, .sin6_port = htons(address.port), .sin6_addr = to_v6(address),
      .sin6_scope_id = address.zone};
  memcpy(storage, &v6, sizeof v6);
  return sizeof v6;
}

// MARK: Receiving

struct cd_receiver {
  unsigned buffers;
  unsigned bytes;
  uint8_t *memory;
  struct mmsghdr *messages;
  struct iovec *vectors;
  struct sockaddr_storage *names;
  uint8_t (*controls)[control_bytes];
};

cd_receiver *cd_receiver_create(unsigned buffers, unsigned bytes) {
  cd_receiver *receiver = calloc(1, sizeof *receiver);
  receiver->buffers = buffers;
  receiver->bytes = bytes;
  receiver->memory = malloc((size_t)buffers * bytes);
  receiver->messages = calloc(buffers, sizeof *receiver->messages);
  receiver->vectors = calloc(buffers, sizeof *receiver->vectors);
  receiver->names = calloc(buffers, sizeof *receiver->names);
  receiver->controls = calloc(buffers, sizeof *receiver->controls);
  if (!receiver->memory || !receiver->messages || !receiver->vectors || !receiver->names || !receiver->controls)
    abort();
  for (unsigned i = 0; i < buffers; i++) {
    receiver->vectors[i] = (struct iovec){receiver->memory + (size_t)i * bytes, bytes};
    struct msghdr *header = &receiver->messages[i].msg_hdr;
    header->msg_iov = &receiver->vectors[i];
    header->msg_iovlen = 1;
    header->msg_name = &receiver->names[i];
    header->msg_control = receiver->controls[i];
  }
  return receiver;
}

void cd_receiver_destroy(cd_receiver *receiver) {
  free(receiver->memory);
  free(receiver->messages);
  free(receiver->vectors);
  free(receiver->names);
  free(receiver->controls);
  free(receiver);
}

static int int_of(const struct cmsghdr *control) {
  int value;
  memcpy(&value, CMSG_DATA(control), sizeof value);
  return value;
}

static void read_control(struct msghdr *header, cd_run *run) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
      int segment = int_of(control);
      if (segment > 0) run->segment = (uint32_t)segment;
    } else if (control->cmsg_level == IPPROTO_IP) {
      if (control->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        run->local = from_v4(info.ipi_addr, 0);
      } else if (control->cmsg_type == IP_TOS) {
        run->ecn = *(uint8_t *)CMSG_DATA(control) & 3;
      } else if (control->cmsg_type == IP_TTL) {
        run->hop_limit = (int16_t)int_of(control);
      }
    } else if (control->cmsg_level == IPPROTO_IPV6) {
      if (control->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        run->local = from_v6(&info.ipi6_addr, 0, info.ipi6_ifindex);
      } else if (control->cmsg_type == IPV6_TCLASS) {
        run->ecn = (uint8_t)(int_of(control) & 3);
      } else if (control->cmsg_type == IPV6_HOPLIMIT) {
        run->hop_limit = (int16_t)int_of(control);
      }
    }
  }
}

int cd_receive(int descriptor, cd_receiver *receiver, cd_run *runs) {
  // The kernel has written over these the last time.
  for (unsigned i = 0; i < receiver->buffers; i++) {
    struct msghdr *header = &receiver->messages[i].msg_hdr;
    header->msg_namelen = sizeof receiver->names[i];
    header->msg_controllen = control_bytes;
    header->msg_flags = 0;
  }
  int count = recvmmsg(descriptor, receiver->messages, receiver->buffers, MSG_DONTWAIT, NULL);
  if (count < 0) return -errno;
  for (int i = 0; i < count; i++) {
    struct msghdr *header = &receiver->messages[i].msg_hdr;
    uint32_t length = receiver->messages[i].msg_len;
    runs[i] = (cd_run){
        .base = receiver->vectors[i].iov_base, .length = length, .segment = length, .hop_limit = -1,
        .remote = from_sockaddr(header->msg_name)};
    read_control(header, &runs[i]);
  }
  return count;
}

// MARK: Sending

static void add_control(struct msghdr *header, int level, int type, const void *data, size_t size) {
  uint8_t *place = (uint8_t *)header->msg_control + header->msg_controllen;
  struct cmsghdr *control = (struct cmsghdr *)place;
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(control), data, size);
  header->msg_controllen += CMSG_SPACE(size);
}

static void write_control(struct msghdr *header, const cd_run *run, uint32_t length) {
  header->msg_controllen = 0;
  int is_v4 = run->remote.family == 4;
  if (length > run->segment) {
    uint16_t segment = (uint16_t)run->segment;
    add_control(header, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
  }
  if (run->ecn) {
    int mark = run->ecn;
    add_control(header, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TOS : IPV6_TCLASS, &mark, sizeof mark);
  }
  if (run->hop_limit >= 0) {
    int limit = run->hop_limit;
    add_control(header, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TTL : IPV6_HOPLIMIT, &limit, sizeof limit);
  }
  if (run->local.family == 4) {
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl((uint32_t)run->local.low)};
    add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  } else if (run->local.family == 6) {
    struct in6_pktinfo info = {.ipi6_addr = to_v6(run->local), .ipi6_ifindex = run->local.zone};
    add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  }
  if (!header->msg_controllen) header->msg_control = NULL;
}

cd_sent cd_send(int descriptor, const cd_run *runs, uint32_t count, int offload) {
  struct mmsghdr messages[max_messages];
  struct iovec vectors[max_messages];
  struct sockaddr_storage names[max_messages];
  _Alignas(struct cmsghdr) uint8_t controls[max_messages][control_bytes];
  cd_sent sent = {0};

  while (sent.runs < count) {
    unsigned filled = 0;
    uint32_t run = sent.runs;
    uint32_t offset = sent.bytes;
    while (filled < max_messages && run < count) {
      const cd_run *from = &runs[run];
      uint32_t most = from->segment;
      if (offload && from->segment > 0) {
        uint32_t segments = max_payload / from->segment;
        if (segments > max_segments) segments = max_segments;
        if (segments > 1) most = segments * from->segment;
      }
      uint32_t length = from->length - offset < most ? from->length - offset : most;
      vectors[filled] = (struct iovec){(uint8_t *)from->base + offset, length};
      messages[filled] = (struct mmsghdr){0};
      struct msghdr *header = &messages[filled].msg_hdr;
      header->msg_iov = &vectors[filled];
      header->msg_iovlen = 1;
      header->msg_name = &names[filled];
      header->msg_namelen = to_sockaddr(from->remote, &names[filled]);
      header->msg_control = controls[filled];
      write_control(header, from, length);
      filled++;
      offset += length;
      if (offset >= from->length) {
        run++;
        offset = 0;
      }
    }
    int taken = sendmmsg(descriptor, messages, filled, MSG_DONTWAIT);
    if (taken < 0) {
      if (errno == EINTR) continue;
      sent.error = errno;
      return sent;
    }
    for (int i = 0; i < taken; i++) {
      sent.bytes += (uint32_t)vectors[i].iov_len;
      if (sent.bytes >= runs[sent.runs].length) {
        sent.runs++;
        sent.bytes = 0;
      }
    }
  }
  return sent;
}

int cd_can_split(int descriptor) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(descriptor, SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
}

int cd_join(int descriptor) {
  int yes = 1;
  return setsockopt(descriptor, SOL_UDP, UDP_GRO, &yes, sizeof yes) == 0;
}

// MARK: Failures

static int reason_v4(const struct sock_extended_err *error) {
  if (error->ee_type == 11) return CD_HOP_LIMIT;
  if (error->ee_type != 3) return 0;
  switch (error->ee_code) {
    case 3: return CD_PORT_UNREACHABLE;
    case 4: return CD_TOO_LARGE;
    case 9: case 10: case 13: return CD_PROHIBITED;
    default: return CD_UNREACHABLE;
  }
}

static int reason_v6(const struct sock_extended_err *error) {
  switch (error->ee_type) {
    case 1:
      return error->ee_code == 4 ? CD_PORT_UNREACHABLE : error->ee_code == 1 ? CD_PROHIBITED : CD_UNREACHABLE;
    case 2: return CD_TOO_LARGE;
    case 3: return CD_HOP_LIMIT;
    default: return 0;
  }
}

int cd_receive_failure(int descriptor, cd_failure *failure) {
  struct sockaddr_storage destination = {0};
  _Alignas(struct cmsghdr) uint8_t control_memory[512];
  struct iovec vector = {failure->excerpt, sizeof failure->excerpt};
  struct msghdr header = {
      .msg_name = &destination, .msg_namelen = sizeof destination, .msg_iov = &vector, .msg_iovlen = 1,
      .msg_control = control_memory, .msg_controllen = sizeof control_memory};
  ssize_t length = recvmsg(descriptor, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (length < 0) return 0;
  failure->reason = 0;
  failure->length = (uint32_t)length;
  failure->destination = from_sockaddr(&destination);
  for (struct cmsghdr *control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
    int is_v4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
    int is_v6 = control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR;
    if (!is_v4 && !is_v6) continue;
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(control), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) failure->reason = reason_v4(&error);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP6) failure->reason = reason_v6(&error);
    failure->mtu = error.ee_info;
    failure->reporter = from_sockaddr(SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(control)));
  }
  return 1;
}

void cd_name_thread(unsigned long thread, const char *name) {
  char kept[16] = {0};
  strncpy(kept, name, sizeof kept - 1);
  pthread_setname_np((pthread_t)thread, kept);
}
