// What the files of this folder share. Only they know ngtcp2 and GnuTLS.
#ifndef CQUIC_INTERNAL_H
#define CQUIC_INTERNAL_H

#include "CQUIC.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdlib.h>
#include <string.h>

// Version 1.0 gave many things their final names.
#if NGTCP2_VERSION_NUM >= 0x010000
#define CQUIC_NGTCP2_1 1
#else
#define CQUIC_NGTCP2_1 0
#endif

struct cquic_identity {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority;
};

struct cquic_connection {
  ngtcp2_conn *conn;
  gnutls_session_t session;
  ngtcp2_crypto_conn_ref reference;
  cquic_callbacks call;
  void *owner;
  int last_error; // ngtcp2's, which the closing packet is to explain
  int gives_tickets, is_early, may_be_nobody;
};

// A path in ngtcp2's terms, as long as this is there.
typedef struct {
  ngtcp2_path path;
  struct sockaddr_in6 local, remote;
} cquic_path_buffer;

void cquic_set_path(cquic_path_buffer *, const cquic_path *);
void cquic_get_path(cquic_path *, const ngtcp2_path *);

int cquic_permit_early(cquic_connection *, const cquic_settings *, int is_server);
int cquic_use_ticket(cquic_connection *, const uint8_t *ticket, size_t count);
void cquic_give_tickets(cquic_connection *);

static inline ngtcp2_cid cquic_to_cid(const cquic_id *id) {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, id->bytes, id->count);
  return cid;
}

static inline cquic_id cquic_from_cid(const ngtcp2_cid *cid) {
  cquic_id id;
  id.count = (uint8_t)cid->datalen;
  memcpy(id.bytes, cid->data, cid->datalen);
  return id;
}

#endif
