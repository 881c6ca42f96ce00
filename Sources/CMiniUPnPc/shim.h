// miniupnpc as Swift sees it: one gateway, whichever version of the library is installed.
#ifndef WARREN_MINIUPNPC_H
#define WARREN_MINIUPNPC_H

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <stdio.h>
#include <string.h>

#if MINIUPNPC_API_VERSION < 14
#error "Warren needs miniupnpc 2.0 or later"
#endif

// A gateway that was found; all zeros is none.
struct warren_upnp {
  struct UPNPUrls urls;
  struct IGDdatas data;
  char local_address[64];
  int is_found;
};

static inline void warren_upnp_forget(struct warren_upnp *it) {
  if (it->is_found) FreeUPNPUrls(&it->urls);
  memset(it, 0, sizeof *it);
}

// Whether the host of a URL is one of `hosts`, each of which has a space on both sides.
static inline int warren_upnp_is_at(const char *url, const char *hosts) {
  char host[64];
  size_t length;
  if (!url || strncmp(url, "http://", 7)) return 0;
  length = strcspn(url + 7, ":/");
  if (!length || length + 3 > sizeof host) return 0;
  snprintf(host, sizeof host, " %.*s ", (int)length, url + 7);
  return strstr(hosts, host) != 0;
}

// Leaves those devices in the list that are at one of `hosts`: anybody on the network can answer.
static inline struct UPNPDev *warren_upnp_devices_at(struct UPNPDev *devices, const char *hosts) {
  struct UPNPDev *kept = 0, *others = 0, *next;
  struct UPNPDev **end = &kept;
  for (; devices; devices = next) {
    next = devices->pNext;
    if (warren_upnp_is_at(devices->descURL, hosts)) {
      devices->pNext = 0;
      *end = devices;
      end = &devices->pNext;
    } else {
      devices->pNext = others;
      others = devices;
    }
  }
  freeUPNPDevlist(others);
  return kept;
}

// Looks for a gateway at one of `hosts`, and waits so many milliseconds for answers behind the last one. 1 when there
// is one.
static inline int warren_upnp_find(struct warren_upnp *it, const char *hosts, int patience) {
  // All kinds are asked for at once: the library would else wait for one after another.
  static const char *const kinds[] = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1", 0 };
  int error = 0, kind;
  struct UPNPDev *devices;
  warren_upnp_forget(it);
  devices = warren_upnp_devices_at(upnpDiscoverDevices(kinds, patience, 0, 0, 0, 0, 2, &error, 1), hosts);
  if (!devices) return 0;
#if MINIUPNPC_API_VERSION >= 18
  // 1 is connected, 2 connected with a private address, 3 not connected, 4 no gateway at all.
  kind = UPNP_GetValidIGD(devices, &it->urls, &it->data, it->local_address, sizeof it->local_address, 0, 0);
  it->is_found = kind != 0;
  if (kind > 3) warren_upnp_forget(it);
#else
  // 1 is connected, 2 not connected (or with a private address), 3 no gateway at all.
  kind = UPNP_GetValidIGD(devices, &it->urls, &it->data, it->local_address, sizeof it->local_address);
  it->is_found = kind != 0;
  if (kind > 2) warren_upnp_forget(it);
#endif
  freeUPNPDevlist(devices);
  return it->is_found;
}

// The address that the gateway has on its outside, as text in `address`, of at least 64 bytes.
static inline int warren_upnp_outside(struct warren_upnp *it, char *address) {
  address[0] = 0;
  return UPNP_GetExternalIPAddress(it->urls.controlURL, it->data.first.servicetype, address);
}

static inline int warren_upnp_map(
  struct warren_upnp *it, int is_tcp, unsigned outside_port, unsigned local_port, unsigned lifetime) {
  char outside[8], local[8], seconds[16];
  snprintf(outside, sizeof outside, "%u", outside_port & 0xFFFF);
  snprintf(local, sizeof local, "%u", local_port & 0xFFFF);
  snprintf(seconds, sizeof seconds, "%u", lifetime);
  return UPNP_AddPortMapping(
    it->urls.controlURL, it->data.first.servicetype, outside, local, it->local_address, "Warren",
    is_tcp ? "TCP" : "UDP", 0, seconds);
}

static inline int warren_upnp_unmap(struct warren_upnp *it, int is_tcp, unsigned outside_port) {
  char outside[8];
  snprintf(outside, sizeof outside, "%u", outside_port & 0xFFFF);
  return UPNP_DeletePortMapping(
    it->urls.controlURL, it->data.first.servicetype, outside, is_tcp ? "TCP" : "UDP", 0);
}

#endif
