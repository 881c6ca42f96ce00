#include "CBareTLS.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { client = 0, server = 1, record = 16384, room = 5 * (5 + record + 256) };

// What is on its way to one side.
typedef struct {
  unsigned char bytes[room];
  size_t start, end;
} pipe_;

typedef struct {
  gnutls_priority_t priority;
  gnutls_certificate_credentials_t credentials[2];
  gnutls_datum_t public_key[2];
} identities;

typedef struct {
  const identities *all;
  gnutls_session_t session[2];
  // Towards each side; and what a side is lent by the library.
  pipe_ to[2];
  struct end {
    pipe_ *in, *out;
    gnutls_session_t *session;
    const gnutls_datum_t *other_key;
  } end[2];
} pair;

static const char words[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519"
    ":-CTYPE-ALL:+CTYPE-RAWPK";

static double cpu_seconds_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static ssize_t push(gnutls_transport_ptr_t pointer, const void *bytes, size_t count) {
  struct end *end = pointer;
  pipe_ *out = end->out;
  if (out->end + count > room) {
    gnutls_transport_set_errno(*end->session, EAGAIN);
    return -1;
  }
  memcpy(out->bytes + out->end, bytes, count);
  out->end += count;
  return (ssize_t)count;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t count) {
  struct end *end = pointer;
  pipe_ *in = end->in;
  if (in->start == in->end) {
    gnutls_transport_set_errno(*end->session, EAGAIN);
    return -1;
  }
  if (count > in->end - in->start) count = in->end - in->start;
  memcpy(bytes, in->bytes + in->start, count);
  in->start += count;
  if (in->start == in->end) in->start = in->end = 0;
  return (ssize_t)count;
}

static int verify(gnutls_session_t session) {
  const struct end *end = gnutls_session_get_ptr(session);
  unsigned count = 0;
  const gnutls_datum_t *keys = gnutls_certificate_get_peers(session, &count);
  return count == 1 && keys[0].size == end->other_key->size &&
                 memcmp(keys[0].data, end->other_key->data, keys[0].size) == 0
             ? 0
             : GNUTLS_E_CERTIFICATE_ERROR;
}

static int make_identity(identities *all, int role) {
  gnutls_privkey_t key = NULL;
  gnutls_pubkey_t public = NULL;
  gnutls_pcert_st certificate;
  int result;
  if ((result = gnutls_privkey_init(&key)) || (result = gnutls_pubkey_init(&public)) ||
      (result = gnutls_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 0, 0)) ||
      (result = gnutls_pubkey_import_privkey(public, key, 0, 0)) ||
      (result = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &all->public_key[role])) ||
      (result = gnutls_certificate_allocate_credentials(&all->credentials[role])) ||
      // The certificate takes the public key, and the credentials both.
      (result = gnutls_pcert_import_rawpk(&certificate, public, 0)) ||
      (result = gnutls_certificate_set_key(all->credentials[role], NULL, 0, &certificate, 1, key)))
    return result;
  gnutls_certificate_set_verify_function(all->credentials[role], verify);
  return 0;
}

static int make_identities(identities *all) {
  memset(all, 0, sizeof *all);
  int result = gnutls_priority_init(&all->priority, words, NULL);
  for (int role = 0; role < 2 && !result; role++) result = make_identity(all, role);
  return result;
}

static void free_identities(identities *all) {
  for (int role = 0; role < 2; role++) {
    if (all->credentials[role]) gnutls_certificate_free_credentials(all->credentials[role]);
    gnutls_free(all->public_key[role].data);
  }
  if (all->priority) gnutls_priority_deinit(all->priority);
}

static int open_pair(pair *pair, const identities *all) {
  pair->to[0].start = pair->to[0].end = pair->to[1].start = pair->to[1].end = 0;
  for (int role = 0; role < 2; role++) {
    pair->end[role] = (struct end){&pair->to[role], &pair->to[1 - role], &pair->session[role], &all->public_key[1 - role]};
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS | GNUTLS_ENABLE_RAWPK;
    flags |= role == server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP;
    int result;
    gnutls_session_t *session = &pair->session[role];
    const gnutls_datum_t protocol = {(unsigned char *)"warren-bench", 12};
    if ((result = gnutls_init(session, flags)) || (result = gnutls_priority_set(*session, all->priority)) ||
        (result = gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE, all->credentials[role])) ||
        (result = gnutls_alpn_set_protocols(*session, &protocol, 1, GNUTLS_ALPN_MANDATORY)))
      return result;
    gnutls_session_set_ptr(*session, &pair->end[role]);
    gnutls_transport_set_ptr(*session, &pair->end[role]);
    gnutls_transport_set_push_function(*session, push);
    gnutls_transport_set_pull_function(*session, pull);
    if (role == server) gnutls_certificate_server_set_request(*session, GNUTLS_CERT_REQUIRE);
  }
  int done[2] = {0, 0};
  for (int turn = 0; turn < 10 && !(done[0] && done[1]); turn++) {
    int role = turn % 2;
    int result = done[role] ? 0 : gnutls_handshake(pair->session[role]);
    if (result == 0) done[role] = 1;
    else if (result != GNUTLS_E_AGAIN) return result;
  }
  return done[0] && done[1] ? 0 : GNUTLS_E_INTERNAL_ERROR;
}

static void close_pair(pair *pair) {
  for (int role = 0; role < 2; role++) gnutls_deinit(pair->session[role]);
}

int bare_tls_handshakes(int count, double *cpu_seconds) {
  identities all;
  pair *both = calloc(1, sizeof *both);
  int result = make_identities(&all);
  double start = cpu_seconds_now();
  for (int number = 0; number < count && !result; number++) {
    result = open_pair(both, &all);
    close_pair(both);
  }
  *cpu_seconds = cpu_seconds_now() - start;
  free_identities(&all);
  free(both);
  return result;
}

int bare_tls_transfer(uint64_t bytes, double *cpu_seconds) {
  static unsigned char chunk[record];
  identities all;
  pair *both = calloc(1, sizeof *both);
  int result = make_identities(&all);
  if (!result) result = open_pair(both, &all);
  double start = cpu_seconds_now();
  for (uint64_t sent = 0, come = 0; come < bytes && !result;) {
    for (int number = 0; number < 4; number++) {
      ssize_t count = gnutls_record_send(both->session[client], chunk, record);
      if (count < 0) result = (int)count;
      else sent += (uint64_t)count;
    }
    while (come < sent && !result) {
      ssize_t count = gnutls_record_recv(both->session[server], chunk, record);
      if (count < 0) result = (int)count;
      else come += (uint64_t)count;
    }
  }
  *cpu_seconds = cpu_seconds_now() - start;
  close_pair(both);
  free_identities(&all);
  free(both);
  return result;
}
