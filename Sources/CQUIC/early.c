// Tickets, by which a client comes back (RFC 8446, 2.2), and what it sends before it is known whether it may (RFC 9001,
// 4.6).
#include "internal.h"

#include <pthread.h>

enum {
  // First messages that are remembered: with more of them, early data is refused, and sent again by those who wish to.
  CQUIC_REMEMBERED = 16384,
  // What GnuTLS puts before the message's own mark: the moment since which it counts, which moves.
  CQUIC_PREFIX = 12,
};

struct cquic_tickets {
  gnutls_datum_t key;
  gnutls_anti_replay_t check;
  pthread_mutex_t lock;
  struct {
    time_t until;
    uint8_t digest[32];
  } seen[CQUIC_REMEMBERED];
};

// Whether a client's first message comes for the first time (RFC 8446, 8.2).
static int on_first_message(void *user, time_t until, const gnutls_datum_t *key, const gnutls_datum_t *data) {
  (void)data;
  cquic_tickets *tickets = user;
  uint8_t digest[32];
  if (key->size <= CQUIC_PREFIX ||
      gnutls_hash_fast(GNUTLS_DIG_SHA256, key->data + CQUIC_PREFIX, key->size - CQUIC_PREFIX, digest) < 0) {
    return GNUTLS_E_DB_ENTRY_EXISTS;
  }
  time_t now = time(NULL);
  int answer = GNUTLS_E_DB_ENTRY_EXISTS;
  pthread_mutex_lock(&tickets->lock);
  // A digest has few places where it may stand: so none is looked for long, and all are equally full.
  size_t start = ((size_t)digest[0] << 8 | digest[1]) % CQUIC_REMEMBERED;
  int free_place = -1;
  for (size_t step = 0; step < 16; step++) {
    size_t place = (start + step) % CQUIC_REMEMBERED;
    if (tickets->seen[place].until < now) {
      if (free_place < 0) free_place = (int)place;
    } else if (memcmp(tickets->seen[place].digest, digest, sizeof digest) == 0) {
      free_place = -1;
      break;
    }
  }
  if (free_place >= 0) {
    tickets->seen[free_place].until = until;
    memcpy(tickets->seen[free_place].digest, digest, sizeof digest);
    answer = 0;
  }
  pthread_mutex_unlock(&tickets->lock);
  return answer;
}

cquic_tickets *cquic_tickets_new(unsigned window) {
  cquic_tickets *tickets = calloc(1, sizeof *tickets);
  if (!tickets) return NULL;
  pthread_mutex_init(&tickets->lock, NULL);
  if (gnutls_session_ticket_key_generate(&tickets->key) < 0 || gnutls_anti_replay_init(&tickets->check) < 0) {
    cquic_tickets_free(tickets);
    return NULL;
  }
  gnutls_anti_replay_set_window(tickets->check, window);
  gnutls_anti_replay_set_ptr(tickets->check, tickets);
  gnutls_anti_replay_set_add_function(tickets->check, on_first_message);
  return tickets;
}

void cquic_tickets_free(cquic_tickets *tickets) {
  if (!tickets) return;
  if (tickets->key.data) {
    gnutls_memset(tickets->key.data, 0, tickets->key.size);
    gnutls_free(tickets->key.data);
  }
  if (tickets->check) gnutls_anti_replay_deinit(tickets->check);
  pthread_mutex_destroy(&tickets->lock);
  free(tickets);
}

// MARK: Tickets

// What is remembered of the server besides its ticket (RFC 9000, 7.4.1).
#if CQUIC_NGTCP2_1
static size_t get_parameters(cquic_connection *connection, uint8_t *out, size_t capacity) {
  ngtcp2_ssize count = ngtcp2_conn_encode_0rtt_transport_params(connection->conn, out, capacity);
  return count < 0 ? 0 : (size_t)count;
}

static int set_parameters(cquic_connection *connection, const uint8_t *bytes, size_t count) {
  return ngtcp2_conn_decode_and_set_0rtt_transport_params(connection->conn, bytes, count);
}
#else
typedef struct {
  uint64_t data, bidirectional_local, bidirectional_remote, unidirectional, bidirectional_streams,
      unidirectional_streams, ids, datagram;
} remembered;

static size_t get_parameters(cquic_connection *connection, uint8_t *out, size_t capacity) {
  const ngtcp2_transport_params *known = ngtcp2_conn_get_remote_transport_params(connection->conn);
  if (!known || capacity < sizeof(remembered)) return 0;
  remembered parameters = {known->initial_max_data,
                           known->initial_max_stream_data_bidi_local,
                           known->initial_max_stream_data_bidi_remote,
                           known->initial_max_stream_data_uni,
                           known->initial_max_streams_bidi,
                           known->initial_max_streams_uni,
                           known->active_connection_id_limit,
                           known->max_datagram_frame_size};
  memcpy(out, &parameters, sizeof parameters);
  return sizeof parameters;
}

static int set_parameters(cquic_connection *connection, const uint8_t *bytes, size_t count) {
  remembered parameters;
  if (count != sizeof parameters) return -1;
  memcpy(&parameters, bytes, sizeof parameters);
  ngtcp2_transport_params known;
  memset(&known, 0, sizeof known);
  known.initial_max_data = parameters.data;
  known.initial_max_stream_data_bidi_local = parameters.bidirectional_local;
  known.initial_max_stream_data_bidi_remote = parameters.bidirectional_remote;
  known.initial_max_stream_data_uni = parameters.unidirectional;
  known.initial_max_streams_bidi = parameters.bidirectional_streams;
  known.initial_max_streams_uni = parameters.unidirectional_streams;
  known.active_connection_id_limit = parameters.ids;
  known.max_datagram_frame_size = parameters.datagram;
  ngtcp2_conn_set_early_remote_transport_params(connection->conn, &known);
  return 0;
}
#endif

enum { CQUIC_PARAMETERS = 256 };

static int on_ticket(gnutls_session_t session, unsigned kind, unsigned when, unsigned is_incoming,
                     const gnutls_datum_t *message) {
  (void)kind, (void)when, (void)message;
  ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
  cquic_connection *connection = reference->user_data;
  gnutls_datum_t tls = {NULL, 0};
  if (!is_incoming || gnutls_session_get_data2(session, &tls) < 0) return 0;
  uint8_t *ticket = malloc(1 + CQUIC_PARAMETERS + tls.size);
  if (ticket) {
    size_t count = get_parameters(connection, ticket + 1, CQUIC_PARAMETERS - 1);
    ticket[0] = (uint8_t)count;
    memcpy(ticket + 1 + count, tls.data, tls.size);
    if (count) connection->call.ticket(connection->owner, ticket, 1 + count + tls.size);
    gnutls_memset(ticket, 0, 1 + CQUIC_PARAMETERS + tls.size);
    free(ticket);
  }
  gnutls_memset(tls.data, 0, tls.size);
  gnutls_free(tls.data);
  return 0;
}

int cquic_permit_early(cquic_connection *connection, const cquic_settings *settings, int is_server) {
  gnutls_session_t session = connection->session;
  if (!is_server) {
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET, GNUTLS_HOOK_POST, on_ticket);
    return 0;
  }
  connection->gives_tickets = 1;
  gnutls_anti_replay_enable(session, settings->tickets->check);
  return gnutls_session_ticket_enable_server(session, &settings->tickets->key) < 0 ||
                 gnutls_record_set_max_early_data_size(session, 0xFFFFFFFF) < 0 // what else it may be (RFC 9001, 4.6.1)
             ? -1
             : 0;
}

int cquic_use_ticket(cquic_connection *connection, const uint8_t *ticket, size_t count) {
  if (count < 1 || count <= 1 + (size_t)ticket[0]) return -1;
  size_t parameters = ticket[0];
  if (gnutls_session_set_data(connection->session, ticket + 1 + parameters, count - 1 - parameters) < 0) return -1;
  return set_parameters(connection, ticket + 1, parameters);
}

void cquic_give_tickets(cquic_connection *connection) {
  if (connection->gives_tickets) gnutls_session_ticket_send(connection->session, 2, 0);
}

int cquic_is_early(cquic_connection *connection) { return connection->is_early; }

int cquic_is_resumed(cquic_connection *connection) { return gnutls_session_is_resumed(connection->session); }

int cquic_was_early(cquic_connection *connection) {
  return (gnutls_session_get_flags(connection->session) & GNUTLS_SFLAGS_EARLY_DATA) != 0;
}

void cquic_forget_early(cquic_connection *connection) {
#if CQUIC_NGTCP2_1
  ngtcp2_conn_tls_early_data_rejected(connection->conn);
#else
  ngtcp2_conn_early_data_rejected(connection->conn);
#endif
}
