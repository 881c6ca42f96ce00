#define _GNU_SOURCE
#include "CBareQUIC.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <malloc.h>
#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  ethernet = 1452,
  longest = 65527,
  // So many packets cross at once: some 90 kB, which stay in the cache.
  burst = 64,
  id_length = 8,
  // One way, in nanoseconds of the pair's own clock.
  latency = 50000,
};
static const uint64_t window = 64 << 20;

// What all handshakes share: the two keys, and what is asked of TLS.

enum { client = 0, server = 1 };

typedef struct {
  gnutls_priority_t priority;
  gnutls_certificate_credentials_t credentials[2];
  // SubjectPublicKeyInfo, by which the other side knows it.
  gnutls_datum_t public_key[2];
} identities;

static const char priority_words[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:"
    "-CTYPE-ALL:+CTYPE-RAWPK:%DISABLE_TLS13_COMPAT_MODE";
static const gnutls_datum_t protocol = {(unsigned char *)"warren-bench", 12};

static int verify_peer(gnutls_session_t session);

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
  gnutls_certificate_set_verify_function(all->credentials[role], verify_peer);
  return 0;
}

// Made once, and kept.
static int get_identities(const identities **all) {
  static identities made;
  static int is_made;
  int result;
  if (!is_made && ((result = gnutls_priority_init(&made.priority, priority_words, NULL)) ||
                   (result = make_identity(&made, client)) || (result = make_identity(&made, server))))
    return result;
  is_made = 1;
  *all = &made;
  return 0;
}

// One side, and two.

typedef struct {
  int role;
  const identities *identities;
  gnutls_session_t session;
  ngtcp2_conn *connection;
  ngtcp2_crypto_conn_ref reference;
  ngtcp2_path path;
  int confirmed;
  // What it still has to send on a stream, and what came on one.
  int64_t stream;
  uint64_t to_send, received;
  int finished;
} side;

typedef struct {
  side sides[2];
  // A clock of their own, which passes over the time in which nothing happens.
  ngtcp2_tstamp now;
  size_t packet;
  uint8_t *packets;
  // Endless zeros, which is what is sent.
  uint8_t *zeros;
  size_t lengths[burst];
} pair;

static struct sockaddr_in addresses[2] = {{.sin_family = AF_INET}, {.sin_family = AF_INET}};
enum { zeros_length = 1 << 17 };

static ngtcp2_conn *connection_of(ngtcp2_crypto_conn_ref *reference) {
  return ((side *)reference->user_data)->connection;
}

static int verify_peer(gnutls_session_t session) {
  const ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
  const side *me = reference->user_data;
  const gnutls_datum_t *expected = &me->identities->public_key[1 - me->role];
  unsigned count = 0;
  const gnutls_datum_t *keys = gnutls_certificate_get_peers(session, &count);
  int is_it = gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK && keys && count == 1 &&
              keys->size == expected->size && !memcmp(keys->data, expected->data, expected->size);
  return is_it ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

static void fill_with_chance(uint8_t *bytes, size_t length, const ngtcp2_rand_ctx *context) {
  (void)context;
  if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, length)) abort();
}

static ngtcp2_cid new_id(void) {
  uint8_t bytes[id_length];
  ngtcp2_cid id;
  fill_with_chance(bytes, sizeof bytes, NULL);
  ngtcp2_cid_init(&id, bytes, sizeof bytes);
  return id;
}

static int give_id(ngtcp2_conn *connection, ngtcp2_cid *id, uint8_t *token, size_t length, void *user) {
  (void)connection, (void)length, (void)user;
  *id = new_id();
  return gnutls_rnd(GNUTLS_RND_NONCE, token, NGTCP2_STATELESS_RESET_TOKENLEN) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int check_protocol(ngtcp2_conn *connection, void *user) {
  side *me = user;
  gnutls_datum_t chosen;
  (void)connection;
  if (gnutls_alpn_get_selected_protocol(me->session, &chosen) || chosen.size != protocol.size ||
      memcmp(chosen.data, protocol.data, protocol.size))
    return NGTCP2_ERR_CALLBACK_FAILURE;
  // To a server, complete is confirmed.
  me->confirmed |= me->role == server;
  return 0;
}

static int note_confirmed(ngtcp2_conn *connection, void *user) {
  (void)connection;
  ((side *)user)->confirmed = 1;
  return 0;
}

static int take_data(ngtcp2_conn *connection, uint32_t flags, int64_t stream, uint64_t offset, const uint8_t *bytes,
                     size_t length, void *user, void *stream_user) {
  side *me = user;
  (void)offset, (void)bytes, (void)stream_user;
  me->received += length;
  me->finished |= (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
  ngtcp2_conn_extend_max_offset(connection, length);
  int result = ngtcp2_conn_extend_max_stream_offset(connection, stream, length);
  return result && result != NGTCP2_ERR_STREAM_NOT_FOUND ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static const ngtcp2_callbacks callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .update_key = ngtcp2_crypto_update_key_cb,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
    .rand = fill_with_chance,
    .get_new_connection_id = give_id,
    .handshake_completed = check_protocol,
    .handshake_confirmed = note_confirmed,
    .recv_stream_data = take_data,
};

// Opens a side; a server answers the packet whose header it is given.
static int open_side(side *me, int role, size_t packet, ngtcp2_tstamp now, const ngtcp2_pkt_hd *first) {
  *me = (side){.role = role, .stream = -1};
  me->reference = (ngtcp2_crypto_conn_ref){connection_of, me};
  ngtcp2_addr_init(&me->path.local, (struct sockaddr *)&addresses[role], sizeof addresses[role]);
  ngtcp2_addr_init(&me->path.remote, (struct sockaddr *)&addresses[1 - role], sizeof addresses[role]);

  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = now;
  settings.max_tx_udp_payload_size = packet;
  settings.no_tx_udp_payload_size_shaping = 1;
  settings.no_pmtud = 1;

  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_data = window;
  parameters.initial_max_stream_data_uni = window;
  parameters.initial_max_stream_data_bidi_local = window;
  parameters.initial_max_stream_data_bidi_remote = window;
  parameters.initial_max_streams_uni = 16;
  parameters.initial_max_streams_bidi = 16;
  if (first) parameters.original_dcid = first->dcid;

  ngtcp2_cid mine = new_id(), theirs = new_id();
  int result = get_identities(&me->identities);
  if (result) return result;
  result = role == client
               ? ngtcp2_conn_client_new(&me->connection, &theirs, &mine, &me->path, NGTCP2_PROTO_VER_V1, &callbacks,
                                        &settings, &parameters, NULL, me)
               : ngtcp2_conn_server_new(&me->connection, &first->scid, &mine, &me->path, first->version, &callbacks,
                                        &settings, &parameters, NULL, me);
  if (result) return result;

  unsigned flags = (role == client ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_ENABLE_RAWPK | GNUTLS_NO_TICKETS;
  if ((result = gnutls_init(&me->session, flags)) ||
      (result = gnutls_priority_set(me->session, me->identities->priority)) ||
      (result = gnutls_credentials_set(me->session, GNUTLS_CRD_CERTIFICATE, me->identities->credentials[role])) ||
      (result = gnutls_alpn_set_protocols(me->session, &protocol, 1, GNUTLS_ALPN_MANDATORY)) ||
      (result = role == client ? ngtcp2_crypto_gnutls_configure_client_session(me->session)
                               : ngtcp2_crypto_gnutls_configure_server_session(me->session)))
    return result;
  if (role == server) gnutls_certificate_server_set_request(me->session, GNUTLS_CERT_REQUIRE);
  gnutls_session_set_ptr(me->session, &me->reference);
  ngtcp2_conn_set_tls_native_handle(me->connection, me->session);
  return 0;
}

static void close_side(side *me) {
  if (me->connection) ngtcp2_conn_del(me->connection);
  if (me->session) gnutls_deinit(me->session);
  me->connection = NULL;
  me->session = NULL;
}

static void close_pair(pair *both) {
  close_side(&both->sides[client]);
  close_side(&both->sides[server]);
}

// Writes one packet: its length, 0 if there is none to send, or what went wrong.
static ngtcp2_ssize write_packet(pair *both, side *me, uint8_t *packet) {
  if (me->stream < 0) return ngtcp2_conn_write_pkt(me->connection, NULL, NULL, packet, both->packet, both->now);
  ngtcp2_vec data = {both->zeros, me->to_send < zeros_length ? (size_t)me->to_send : zeros_length};
  ngtcp2_ssize taken = -1;
  uint32_t flags = data.len == me->to_send ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE;
  ngtcp2_ssize length = ngtcp2_conn_writev_stream(me->connection, NULL, NULL, packet, both->packet, &taken, flags,
                                                  me->stream, &data, 1, both->now);
  if (length == NGTCP2_ERR_STREAM_DATA_BLOCKED)
    return ngtcp2_conn_write_pkt(me->connection, NULL, NULL, packet, both->packet, both->now);
  if (taken >= 0) me->to_send -= (uint64_t)taken;
  // All is sent, and so is the end.
  if (taken >= 0 && !me->to_send) me->stream = -1;
  return length;
}

// Hands over a burst of what a side has to send: the number of packets, or what went wrong.
static int hand_over(pair *both, int from) {
  side *sender = &both->sides[from], *receiver = &both->sides[1 - from];
  int count = 0, result = 0;
  if (!sender->connection) return 0;
  for (; count < burst; count++) {
    ngtcp2_ssize length = write_packet(both, sender, both->packets + (size_t)count * both->packet);
    if (length < 0) return (int)length;
    if (!length) break;
    both->lengths[count] = (size_t)length;
  }
  if (!count) return 0;
  both->now += latency;
  for (int i = 0; i < count; i++) {
    const uint8_t *packet = both->packets + (size_t)i * both->packet;
    if (!receiver->connection) {
      ngtcp2_pkt_hd first;
      if ((result = ngtcp2_accept(&first, packet, both->lengths[i])) ||
          (result = open_side(receiver, 1 - from, both->packet, both->now, &first)))
        return result;
    }
    result = ngtcp2_conn_read_pkt(receiver->connection, &receiver->path, NULL, packet, both->lengths[i], both->now);
    if (result) return result;
  }
  return count;
}

// One burst each way; where neither has anything to send, the clock goes on to the next deadline, but not beyond `end`.
static int take_turns(pair *both, ngtcp2_tstamp end) {
  int there = hand_over(both, client);
  if (there < 0) return there;
  int back = hand_over(both, server);
  if (back < 0) return back;
  if (there + back) return 0;
  ngtcp2_tstamp next = end;
  for (int role = 0; role < 2; role++) {
    ngtcp2_tstamp expiry = both->sides[role].connection ? ngtcp2_conn_get_expiry(both->sides[role].connection) : next;
    if (expiry < next) next = expiry;
  }
  // Nothing will ever happen again.
  if (next == UINT64_MAX) return NGTCP2_ERR_INVALID_STATE;
  both->now = next > both->now ? next : both->now + latency;
  for (int role = 0; role < 2; role++) {
    ngtcp2_conn *connection = both->sides[role].connection;
    int result = connection && ngtcp2_conn_get_expiry(connection) <= both->now
                     ? ngtcp2_conn_handle_expiry(connection, both->now)
                     : 0;
    if (result) return result;
  }
  return 0;
}

static int shake_hands(pair *both) {
  both->sides[server] = (side){.role = server, .stream = -1};
  int result = open_side(&both->sides[client], client, both->packet, both->now, NULL);
  while (!result && !(both->sides[client].confirmed && both->sides[server].confirmed))
    result = take_turns(both, UINT64_MAX);
  return result;
}

// Room for the packets that are on their way, which pairs may share.
static int prepare(pair *both, size_t packet) {
  const identities *all;
  *both = (pair){.now = NGTCP2_SECONDS, .packet = packet};
  both->packets = malloc(burst * packet);
  both->zeros = calloc(1, zeros_length);
  if (!both->packets || !both->zeros) abort();
  return get_identities(&all);
}

static void clean_up(pair *both) {
  free(both->packets);
  free(both->zeros);
}

// What has been used of a clock.
static double seconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

typedef struct {
  double wall, cpu;
} moment;

static moment this_moment(void) { return (moment){seconds_of(CLOCK_MONOTONIC), seconds_of(CLOCK_THREAD_CPUTIME_ID)}; }

static void tell(moment start, double *seconds, double *cpu_seconds) {
  moment end = this_moment();
  *seconds = end.wall - start.wall;
  *cpu_seconds = end.cpu - start.cpu;
}

int bare_quic_handshakes(int count, double *seconds, double *cpu_seconds) {
  pair both;
  int result = prepare(&both, ethernet);
  moment start = this_moment();
  for (int i = 0; i < count && !result; i++) {
    result = shake_hands(&both);
    close_pair(&both);
  }
  tell(start, seconds, cpu_seconds);
  clean_up(&both);
  return result;
}

int bare_quic_transfer(uint64_t bytes, size_t packet, double *seconds, double *cpu_seconds) {
  if (packet < NGTCP2_MAX_UDP_PAYLOAD_SIZE || packet > longest) return NGTCP2_ERR_INVALID_ARGUMENT;
  pair both;
  int result = prepare(&both, packet);
  if (!result) result = shake_hands(&both);
  side *sender = &both.sides[client], *receiver = &both.sides[server];
  if (!result) result = ngtcp2_conn_open_uni_stream(sender->connection, &sender->stream, NULL);
  sender->to_send = bytes;
  moment start = this_moment();
  while (!result && !receiver->finished) result = take_turns(&both, UINT64_MAX);
  tell(start, seconds, cpu_seconds);
  if (!result && receiver->received != bytes) result = NGTCP2_ERR_INTERNAL;
  close_pair(&both);
  clean_up(&both);
  return result;
}

size_t bare_quic_heap(void) {
  struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

int bare_quic_idle(int count, double *bytes_per_connection) {
  if (count < 1) return NGTCP2_ERR_INVALID_ARGUMENT;
  // The first handshake makes what all share.
  double ignored;
  int result = bare_quic_handshakes(1, &ignored, &ignored);
  pair room;
  if (!result) result = prepare(&room, ethernet);
  if (result) return result;
  // What is ours is there before the counting begins.
  pair *pairs = calloc((size_t)count, sizeof *pairs);
  if (!pairs) abort();
  size_t before = bare_quic_heap();
  for (int i = 0; i < count && !result; i++) {
    pairs[i] = room;
    result = shake_hands(&pairs[i]);
    // A second of their own, in which all is acknowledged and old keys go.
    ngtcp2_tstamp end = pairs[i].now + NGTCP2_SECONDS;
    while (!result && pairs[i].now < end) result = take_turns(&pairs[i], end);
  }
  *bytes_per_connection = (double)(bare_quic_heap() - before) / (2.0 * count);
  for (int i = 0; i < count; i++) close_pair(&pairs[i]);
  free(pairs);
  clean_up(&room);
  return result;
}

void bare_quic_trim(void) { malloc_trim(0); }
