#include "internal.h"

#include <netinet/in.h>

// MARK: Paths

static void set_address(struct sockaddr_in6 *out, const cquic_address *address) {
  memset(out, 0, sizeof *out);
  out->sin6_family = AF_INET6;
  out->sin6_port = htons(address->port);
  out->sin6_scope_id = address->zone;
  memcpy(out->sin6_addr.s6_addr, &address->high, 8);
  memcpy(out->sin6_addr.s6_addr + 8, &address->low, 8);
}

static void get_address(cquic_address *out, const ngtcp2_addr *address) {
  const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address->addr;
  out->port = ntohs(in->sin6_port);
  out->zone = in->sin6_scope_id;
  memcpy(&out->high, in->sin6_addr.s6_addr, 8);
  memcpy(&out->low, in->sin6_addr.s6_addr + 8, 8);
}

void cquic_set_path(cquic_path_buffer *out, const cquic_path *path) {
  set_address(&out->local, &path->local);
  set_address(&out->remote, &path->remote);
  out->path.local.addr = (ngtcp2_sockaddr *)&out->local;
  out->path.local.addrlen = sizeof out->local;
  out->path.remote.addr = (ngtcp2_sockaddr *)&out->remote;
  out->path.remote.addrlen = sizeof out->remote;
  out->path.user_data = NULL;
}

void cquic_get_path(cquic_path *out, const ngtcp2_path *path) {
  get_address(&out->local, &path->local);
  get_address(&out->remote, &path->remote);
}

// MARK: Results

static cquic_result result(cquic_connection *connection, int code) {
  switch (code) {
  case 0: return CQUIC_OK;
  case NGTCP2_ERR_WRITE_MORE: return CQUIC_MORE;
  case NGTCP2_ERR_STREAM_DATA_BLOCKED: return CQUIC_BLOCKED;
  case NGTCP2_ERR_STREAM_SHUT_WR:
  case NGTCP2_ERR_STREAM_NOT_FOUND: return CQUIC_STREAM_GONE;
  case NGTCP2_ERR_STREAM_ID_BLOCKED: return CQUIC_NO_STREAMS;
  case NGTCP2_ERR_RETRY: return CQUIC_RETRY;
  case NGTCP2_ERR_DROP_CONN: return CQUIC_DROP;
  case NGTCP2_ERR_DRAINING: return CQUIC_DRAINING;
  case NGTCP2_ERR_CLOSING: return CQUIC_CLOSING;
  case NGTCP2_ERR_IDLE_CLOSE: return CQUIC_IDLE;
  case NGTCP2_ERR_NO_VIABLE_PATH: return CQUIC_NO_PATH;
  case NGTCP2_ERR_HANDSHAKE_TIMEOUT: return CQUIC_HANDSHAKE_LATE;
  case NGTCP2_ERR_RECV_VERSION_NEGOTIATION: return CQUIC_VERSION;
  case NGTCP2_ERR_INVALID_ARGUMENT:
  case NGTCP2_ERR_INVALID_STATE:
  case NGTCP2_ERR_CONN_ID_BLOCKED: return CQUIC_INVALID;
  default:
    connection->last_error = code;
    return CQUIC_FAILED;
  }
}

// MARK: What ngtcp2 calls

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *reference) {
  return ((cquic_connection *)reference->user_data)->conn;
}

static void on_random(uint8_t *bytes, size_t count, const ngtcp2_rand_ctx *context) {
  cquic_connection *connection = context->native_handle;
  connection->call.random(connection->owner, bytes, count);
  // The one byte that ngtcp2 wants while it makes a connection decides whether the fixed bit is cleared (RFC 9287):
  // never, since it tells QUIC from other protocols on the same port (RFC 9443, 3).
  if (!connection->conn && count == 1) bytes[0] = 0;
}

static int on_new_id(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t count, void *user) {
  (void)conn;
  cquic_connection *connection = user;
  cid->datalen = count;
  connection->call.new_id(connection->owner, cid->data, count, token);
  return 0;
}

static int on_retired_id(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user) {
  (void)conn;
  cquic_connection *connection = user;
  connection->call.retired_id(connection->owner, cid->data, cid->datalen);
  return 0;
}

static int on_challenge(ngtcp2_conn *conn, uint8_t *data, void *user) {
  (void)conn;
  cquic_connection *connection = user;
  connection->call.random(connection->owner, data, NGTCP2_PATH_CHALLENGE_DATALEN);
  return 0;
}

static int on_confirmed(ngtcp2_conn *conn, void *user) {
  (void)conn;
  cquic_connection *connection = user;
  connection->call.handshake_confirmed(connection->owner);
  return 0;
}

static int on_completed(ngtcp2_conn *conn, void *user) {
  (void)conn;
  cquic_connection *connection = user;
#if !CQUIC_NGTCP2_1
  // Before 1.0 it counts an id that it has retired, where the other side changes ways while the last change is being proven: what
  // the other side was told leaves room for that.
  ((ngtcp2_transport_params *)ngtcp2_conn_get_local_transport_params(connection->conn))->active_connection_id_limit += 2;
#endif
  connection->call.handshake_completed(connection->owner);
  cquic_give_tickets(connection);
  return 0;
}

static int on_stream_open(ngtcp2_conn *conn, int64_t id, void *user) {
  cquic_connection *connection = user;
  void *stream = connection->call.stream_opened(connection->owner, id);
  return ngtcp2_conn_set_stream_user_data(conn, id, stream) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset, const uint8_t *data,
                          size_t count, void *user, void *stream) {
  (void)conn, (void)id, (void)offset;
  cquic_connection *connection = user;
  if (stream) {
    connection->call.stream_data(connection->owner, stream, data, count, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
  }
  return 0;
}

static int on_acknowledged(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t count, void *user, void *stream) {
  (void)conn, (void)id, (void)offset;
  cquic_connection *connection = user;
  if (stream) connection->call.stream_acknowledged(connection->owner, stream, count);
  return 0;
}

static int on_stream_reset(ngtcp2_conn *conn, int64_t id, uint64_t size, uint64_t code, void *user, void *stream) {
  (void)conn, (void)id, (void)size;
  cquic_connection *connection = user;
  if (stream) connection->call.stream_reset(connection->owner, stream, code);
  return 0;
}

static int on_stream_window(ngtcp2_conn *conn, int64_t id, uint64_t window, void *user, void *stream) {
  (void)conn, (void)id, (void)window;
  cquic_connection *connection = user;
  if (stream) connection->call.stream_window(connection->owner, stream);
  return 0;
}

static int on_stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user, void *stream) {
  (void)conn, (void)flags, (void)code;
  cquic_connection *connection = user;
  if (stream) connection->call.stream_closed(connection->owner, stream, id);
  return 0;
}

static int on_more_bidirectional(ngtcp2_conn *conn, uint64_t count, void *user) {
  (void)conn, (void)count;
  cquic_connection *connection = user;
  connection->call.more_streams(connection->owner, 1);
  return 0;
}

static int on_more_unidirectional(ngtcp2_conn *conn, uint64_t count, void *user) {
  (void)conn, (void)count;
  cquic_connection *connection = user;
  connection->call.more_streams(connection->owner, 0);
  return 0;
}

static int on_datagram(ngtcp2_conn *conn, uint32_t flags, const uint8_t *data, size_t count, void *user) {
  (void)conn, (void)flags;
  cquic_connection *connection = user;
  connection->call.datagram(connection->owner, data, count);
  return 0;
}

static int on_reset(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *reset, void *user) {
  (void)conn, (void)reset;
  cquic_connection *connection = user;
  connection->call.was_reset(connection->owner);
  return 0;
}

static void path_validated(cquic_connection *connection, const ngtcp2_path *path, ngtcp2_path_validation_result end) {
  if (end == NGTCP2_PATH_VALIDATION_RESULT_ABORTED) return;
  cquic_path out;
  cquic_get_path(&out, path);
  connection->call.path_validated(connection->owner, &out, end == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS);
}

#if CQUIC_NGTCP2_1
static int on_path(ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path, const ngtcp2_path *before,
                   ngtcp2_path_validation_result end, void *user) {
  (void)conn, (void)flags, (void)before;
  path_validated(user, path, end);
  return 0;
}
#else
static int on_path(ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path, ngtcp2_path_validation_result end,
                   void *user) {
  (void)conn, (void)flags;
  path_validated(user, path, end);
  return 0;
}
#endif

static void on_qlog(void *user, uint32_t flags, const void *data, size_t count) {
  (void)flags;
  cquic_connection *connection = user;
  connection->call.qlog(connection->owner, data, count);
}

// Whether a packet has been opened since this was last cleared: the library says nothing of those that it throws away.
static _Thread_local int has_opened;

static int on_decrypt(uint8_t *plain, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *context,
                      const uint8_t *sealed, size_t count, const uint8_t *nonce, size_t nonce_count,
                      const uint8_t *header, size_t header_count) {
  int status =
      ngtcp2_crypto_decrypt_cb(plain, aead, context, sealed, count, nonce, nonce_count, header, header_count);
  if (status == 0) has_opened = 1;
  return status;
}

static const ngtcp2_callbacks callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .handshake_completed = on_completed,
    .handshake_confirmed = on_confirmed,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = on_decrypt,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .recv_stream_data = on_stream_data,
    .acked_stream_data_offset = on_acknowledged,
    .stream_open = on_stream_open,
    .stream_close = on_stream_close,
    .stream_reset = on_stream_reset,
    .recv_stateless_reset = on_reset,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .extend_max_local_streams_bidi = on_more_bidirectional,
    .extend_max_local_streams_uni = on_more_unidirectional,
    .extend_max_stream_data = on_stream_window,
    .rand = on_random,
    .get_new_connection_id = on_new_id,
    .remove_connection_id = on_retired_id,
    .update_key = ngtcp2_crypto_update_key_cb,
    .path_validation = on_path,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .recv_datagram = on_datagram,
    .get_path_challenge_data = on_challenge,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

// MARK: Beginning

static int on_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret) {
  ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
  cquic_connection *connection = reference->user_data;
  gnutls_datum_t client, server;
  gnutls_session_get_random(session, &client, &server);
  if (client.size == 32) connection->call.secret(connection->owner, label, client.data, secret->data, secret->size);
  return 0;
}

static int begin_session(cquic_connection *connection, const cquic_settings *settings, int is_server) {
  unsigned flags = GNUTLS_ENABLE_RAWPK | GNUTLS_NO_AUTO_SEND_TICKET;
  flags |= settings->tickets ? GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA : GNUTLS_NO_TICKETS;
  // The key of one group is enough: whoever knows only others asks again.
  flags |= is_server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP;
  if (gnutls_init(&connection->session, flags) < 0) return -1;
  gnutls_session_t session = connection->session;
  connection->reference.get_conn = get_conn;
  connection->reference.user_data = connection;
  gnutls_session_set_ptr(session, &connection->reference);
  if (gnutls_priority_set(session, settings->identity->priority) < 0 ||
      gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, settings->identity->credentials) < 0 ||
      (is_server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                 : ngtcp2_crypto_gnutls_configure_client_session(session)) != 0) {
    return -1;
  }
  if (is_server && settings->requires_peer_key) {
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
  }
  if (!is_server && settings->server_name) {
    gnutls_server_name_set(session, GNUTLS_NAME_DNS, settings->server_name, strlen(settings->server_name));
  }
  if (settings->tickets && cquic_permit_early(connection, settings, is_server) != 0) return -1;
  if (settings->has_secrets) gnutls_session_set_keylog_function(session, on_secret);
  gnutls_datum_t protocols[16];
  size_t count = settings->protocol_count < 16 ? settings->protocol_count : 16;
  for (size_t place = 0; place < count; place++) {
    protocols[place].data = (unsigned char *)settings->protocols[place];
    protocols[place].size = (unsigned)strlen(settings->protocols[place]);
  }
  return gnutls_alpn_set_protocols(session, protocols, (unsigned)count, GNUTLS_ALPN_MANDATORY) < 0 ? -1 : 0;
}

static void set_parameters(ngtcp2_transport_params *params, const cquic_settings *settings) {
  ngtcp2_transport_params_default(params);
  params->initial_max_data = settings->window;
  params->initial_max_stream_data_bidi_local = settings->stream_window;
  params->initial_max_stream_data_bidi_remote = settings->stream_window;
  params->initial_max_stream_data_uni = settings->stream_window;
  params->initial_max_streams_bidi = settings->bidirectional_streams;
  params->initial_max_streams_uni = settings->unidirectional_streams;
  params->max_idle_timeout = settings->idle_timeout;
  params->max_datagram_frame_size = settings->largest_datagram;
  params->active_connection_id_limit = 7;
  params->grease_quic_bit = 0;
}

static void set_settings(ngtcp2_settings *out, const cquic_settings *settings, cquic_connection *connection,
                         uint64_t now) {
  ngtcp2_settings_default(out);
  out->initial_ts = now;
  if (settings->initial_rtt) out->initial_rtt = settings->initial_rtt;
  if (settings->handshake_timeout) out->handshake_timeout = settings->handshake_timeout;
  out->max_tx_udp_payload_size = settings->largest_packet;
  out->max_window = settings->largest_window;
  out->max_stream_window = 0; // see ReceiveWindow
  out->rand_ctx.native_handle = connection;
  out->cc_algo = NGTCP2_CC_ALGO_CUBIC;
#if CQUIC_NGTCP2_1
  if (settings->has_qlog) out->qlog_write = on_qlog;
#else
  if (settings->has_qlog) out->qlog.write = on_qlog;
#endif
}

static cquic_connection *new_connection(const cquic_callbacks *call, void *owner) {
  cquic_connection *connection = calloc(1, sizeof *connection);
  if (!connection) return NULL;
  connection->call = *call;
  connection->owner = owner;
  return connection;
}

static cquic_connection *begin(cquic_connection *connection, const cquic_settings *settings, int is_server) {
  if (begin_session(connection, settings, is_server) != 0) {
    cquic_free(connection);
    return NULL;
  }
  ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
#if !CQUIC_NGTCP2_1
  // Before 1.0 it permits the other side to clear the fixed bit, whatever it was told.
  ((ngtcp2_transport_params *)ngtcp2_conn_get_local_transport_params(connection->conn))->grease_quic_bit = 0;
#endif
  if (!is_server && settings->ticket) {
    // One that cannot be used is as good as none.
    connection->is_early = cquic_use_ticket(connection, settings->ticket, settings->ticket_count) == 0;
  }
  connection->may_be_nobody = is_server && !settings->requires_peer_key;
  if (settings->keep_alive) ngtcp2_conn_set_keep_alive_timeout(connection->conn, settings->keep_alive);
  return connection;
}

cquic_connection *cquic_connect(const cquic_settings *settings, const cquic_callbacks *call, void *owner,
                                const cquic_path *path, const cquic_id *destination, const cquic_id *source,
                                uint64_t now) {
  cquic_connection *connection = new_connection(call, owner);
  if (!connection) return NULL;
  ngtcp2_settings own;
  ngtcp2_transport_params params;
  set_settings(&own, settings, connection, now);
  set_parameters(&params, settings);
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  ngtcp2_cid dcid = cquic_to_cid(destination), scid = cquic_to_cid(source);
#if !CQUIC_NGTCP2_1
  own.qlog.odcid = dcid;
#endif
  if (ngtcp2_conn_client_new(&connection->conn, &dcid, &scid, &buffer.path, NGTCP2_PROTO_VER_V1, &callbacks, &own,
                             &params, NULL, connection) != 0) {
    free(connection);
    return NULL;
  }
  return begin(connection, settings, 0);
}

cquic_connection *cquic_accept(const cquic_settings *settings, const cquic_callbacks *call, void *owner,
                               const cquic_path *path, const cquic_initial *initial, const cquic_id *original,
                               const cquic_id *source, const uint8_t reset_token[16], uint64_t now) {
  cquic_connection *connection = new_connection(call, owner);
  if (!connection) return NULL;
  ngtcp2_settings own;
  ngtcp2_transport_params params;
  set_settings(&own, settings, connection, now);
  set_parameters(&params, settings);
  params.original_dcid = cquic_to_cid(original ? original : &initial->destination);
  if (original) {
    params.retry_scid = cquic_to_cid(&initial->destination);
    params.retry_scid_present = 1;
#if CQUIC_NGTCP2_1
    own.token = initial->token;
    own.tokenlen = initial->token_count;
#else
    own.token.base = (uint8_t *)initial->token;
    own.token.len = initial->token_count;
#endif
  }
#if CQUIC_NGTCP2_1
  params.original_dcid_present = 1;
#else
  own.qlog.odcid = params.original_dcid;
#endif
  params.stateless_reset_token_present = 1;
  memcpy(params.stateless_reset_token, reset_token, 16);
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  // The client's source is where this side sends to.
  ngtcp2_cid dcid = cquic_to_cid(&initial->source), scid = cquic_to_cid(source);
  if (ngtcp2_conn_server_new(&connection->conn, &dcid, &scid, &buffer.path, initial->version, &callbacks, &own,
                             &params, NULL, connection) != 0) {
    free(connection);
    return NULL;
  }
  return begin(connection, settings, 1);
}

void cquic_free(cquic_connection *connection) {
  if (!connection) return;
  if (connection->conn) ngtcp2_conn_del(connection->conn);
  if (connection->session) gnutls_deinit(connection->session);
  free(connection);
}

// MARK: Packets

cquic_result cquic_read(cquic_connection *connection, const cquic_path *path, uint32_t ecn, const uint8_t *bytes,
                        size_t count, uint64_t now, int *is_genuine) {
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  ngtcp2_pkt_info info = {.ecn = ecn};
  has_opened = 0;
  cquic_result outcome =
      result(connection, ngtcp2_conn_read_pkt(connection->conn, &buffer.path, &info, bytes, count, now));
  *is_genuine = has_opened;
  return outcome;
}

static ssize_t written(cquic_connection *connection, cquic_envelope *envelope, const ngtcp2_path_storage *storage,
                       const ngtcp2_pkt_info *info, ngtcp2_ssize count) {
  if (count < 0) return result(connection, (int)count);
  if (count > 0) {
    cquic_get_path(&envelope->path, &storage->path);
    envelope->ecn = info->ecn;
  }
  return count;
}

ssize_t cquic_write(cquic_connection *connection, cquic_envelope *envelope, uint8_t *packet, size_t capacity,
                    int64_t stream, uint32_t flags, const cquic_slice *slices, size_t slice_count, ssize_t *taken,
                    uint64_t now) {
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info = {0};
  uint32_t write = (flags & CQUIC_WRITE_MORE ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0) |
                   (flags & CQUIC_WRITE_LAST ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0);
  _Static_assert(sizeof(cquic_slice) == sizeof(ngtcp2_vec), "a slice is ngtcp2's");
  ngtcp2_ssize bytes = -1;
  ngtcp2_ssize count =
      ngtcp2_conn_writev_stream(connection->conn, &storage.path, &info, packet, capacity, &bytes, write, stream,
                                (const ngtcp2_vec *)(const void *)slices, slice_count, now);
  *taken = bytes;
  return written(connection, envelope, &storage, &info, count);
}

ssize_t cquic_write_datagram(cquic_connection *connection, cquic_envelope *envelope, uint8_t *packet, size_t capacity,
                             uint32_t flags, const uint8_t *bytes, size_t byte_count, int *taken, uint64_t now) {
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info = {0};
  ngtcp2_vec slice = {(uint8_t *)bytes, byte_count};
  *taken = 0;
  ngtcp2_ssize count = ngtcp2_conn_writev_datagram(
      connection->conn, &storage.path, &info, packet, capacity, taken,
      flags & CQUIC_WRITE_MORE ? NGTCP2_WRITE_DATAGRAM_FLAG_MORE : 0, 0, &slice,
      byte_count ? 1 : 0, now); // ngtcp2 wants no empty slice
  return written(connection, envelope, &storage, &info, count);
}

void cquic_written(cquic_connection *connection, uint64_t now) { ngtcp2_conn_update_pkt_tx_time(connection->conn, now); }

size_t cquic_send_quantum(cquic_connection *connection) { return ngtcp2_conn_get_send_quantum(connection->conn); }

size_t cquic_packet_capacity(cquic_connection *connection) {
  return ngtcp2_conn_get_max_tx_udp_payload_size(connection->conn);
}

// MARK: Ending

#if CQUIC_NGTCP2_1
typedef ngtcp2_ccerr close_cause;
#define close_cause_application ngtcp2_ccerr_set_application_error
#define close_cause_transport ngtcp2_ccerr_set_transport_error
#define close_cause_library ngtcp2_ccerr_set_liberr
#define close_cause_alert ngtcp2_ccerr_set_tls_alert
#define IS_APPLICATION(cause) ((cause)->type == NGTCP2_CCERR_TYPE_APPLICATION)
#else
typedef ngtcp2_connection_close_error close_cause;
#define close_cause_application ngtcp2_connection_close_error_set_application_error
#define close_cause_transport ngtcp2_connection_close_error_set_transport_error
#define close_cause_library ngtcp2_connection_close_error_set_transport_error_liberr
#define close_cause_alert ngtcp2_connection_close_error_set_transport_error_tls_alert
#define IS_APPLICATION(cause) ((cause)->type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION)
#endif

static void set_failure(cquic_connection *connection, close_cause *cause) {
  // What TLS refuses is told by its alert (RFC 9001, 4.8).
  if (connection->last_error == NGTCP2_ERR_CRYPTO) {
    close_cause_alert(cause, ngtcp2_conn_get_tls_alert(connection->conn), NULL, 0);
  } else {
    close_cause_library(cause, connection->last_error, NULL, 0);
  }
}

ssize_t cquic_write_close(cquic_connection *connection, cquic_envelope *envelope, uint8_t *packet, size_t capacity,
                          cquic_close_kind kind, uint64_t code, const uint8_t *reason, size_t reason_count,
                          uint64_t now) {
  close_cause cause;
  switch (kind) {
  case CQUIC_CLOSE_CAUSE: set_failure(connection, &cause); break;
  case CQUIC_CLOSE_TRANSPORT: close_cause_transport(&cause, code, reason, reason_count); break;
  case CQUIC_CLOSE_APPLICATION: close_cause_application(&cause, code, reason, reason_count); break;
  }
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info = {0};
  ngtcp2_ssize count = ngtcp2_conn_write_connection_close(connection->conn, &storage.path, &info, packet, capacity,
                                                          &cause, now);
  return written(connection, envelope, &storage, &info, count);
}

void cquic_get_cause(cquic_connection *connection, cquic_cause *out) {
  close_cause cause;
  const close_cause *known = &cause;
  memset(out, 0, sizeof *out);
  if (connection->last_error) {
    set_failure(connection, &cause);
  } else {
    out->is_remote = 1;
#if CQUIC_NGTCP2_1
    known = ngtcp2_conn_get_ccerr(connection->conn);
#else
    ngtcp2_conn_get_connection_close_error(connection->conn, &cause);
#endif
  }
  out->is_application = IS_APPLICATION(known);
  out->code = known->error_code;
  out->reason = known->reason;
  out->reason_count = known->reasonlen;
}

uint64_t cquic_deadline(cquic_connection *connection) { return ngtcp2_conn_get_expiry(connection->conn); }

cquic_result cquic_handle_deadline(cquic_connection *connection, uint64_t now) {
  return result(connection, ngtcp2_conn_handle_expiry(connection->conn, now));
}

void cquic_keep_alive(cquic_connection *connection, uint64_t timeout) {
  ngtcp2_conn_set_keep_alive_timeout(connection->conn, timeout);
}

uint64_t cquic_remote_idle_timeout(cquic_connection *connection) {
  const ngtcp2_transport_params *params = ngtcp2_conn_get_remote_transport_params(connection->conn);
  return params ? params->max_idle_timeout : 0;
}

uint64_t cquic_probe_timeout(cquic_connection *connection) { return ngtcp2_conn_get_pto(connection->conn); }

uint64_t cquic_round_trip(cquic_connection *connection) {
  cquic_statistics known;
  cquic_get_statistics(connection, &known);
  return known.smoothed_rtt;
}

// MARK: Streams

cquic_result cquic_open_stream(cquic_connection *connection, int is_bidirectional, int64_t *id) {
  return result(connection, is_bidirectional ? ngtcp2_conn_open_bidi_stream(connection->conn, id, NULL)
                                             : ngtcp2_conn_open_uni_stream(connection->conn, id, NULL));
}

void cquic_set_stream(cquic_connection *connection, int64_t id, void *stream) {
  ngtcp2_conn_set_stream_user_data(connection->conn, id, stream);
}

cquic_result cquic_reset_stream(cquic_connection *connection, int64_t id, uint64_t code) {
#if CQUIC_NGTCP2_1
  return result(connection, ngtcp2_conn_shutdown_stream_write(connection->conn, 0, id, code));
#else
  return result(connection, ngtcp2_conn_shutdown_stream_write(connection->conn, id, code));
#endif
}

cquic_result cquic_refuse_stream(cquic_connection *connection, int64_t id, uint64_t code) {
#if CQUIC_NGTCP2_1
  return result(connection, ngtcp2_conn_shutdown_stream_read(connection->conn, 0, id, code));
#else
  return result(connection, ngtcp2_conn_shutdown_stream_read(connection->conn, id, code));
#endif
}

void cquic_permit_bytes(cquic_connection *connection, uint64_t count) {
  ngtcp2_conn_extend_max_offset(connection->conn, count);
}

void cquic_permit_stream_bytes(cquic_connection *connection, int64_t id, uint64_t count) {
  ngtcp2_conn_extend_max_stream_offset(connection->conn, id, count);
}

void cquic_permit_stream(cquic_connection *connection, int is_bidirectional) {
  if (is_bidirectional) ngtcp2_conn_extend_max_streams_bidi(connection->conn, 1);
  else ngtcp2_conn_extend_max_streams_uni(connection->conn, 1);
}

uint64_t cquic_window_left(cquic_connection *connection) { return ngtcp2_conn_get_max_data_left(connection->conn); }

uint64_t cquic_stream_window_left(cquic_connection *connection, int64_t id) {
  return ngtcp2_conn_get_max_stream_data_left(connection->conn, id);
}

uint64_t cquic_congestion_window_left(cquic_connection *connection) {
  return ngtcp2_conn_get_cwnd_left(connection->conn);
}

uint64_t cquic_streams_left(cquic_connection *connection, int is_bidirectional) {
  return is_bidirectional ? ngtcp2_conn_get_streams_bidi_left(connection->conn)
                          : ngtcp2_conn_get_streams_uni_left(connection->conn);
}

// MARK: The rest

cquic_result cquic_migrate(cquic_connection *connection, const cquic_path *path, int at_once, uint64_t now) {
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  return result(connection, at_once ? ngtcp2_conn_initiate_immediate_migration(connection->conn, &buffer.path, now)
                                    : ngtcp2_conn_initiate_migration(connection->conn, &buffer.path, now));
}

cquic_result cquic_update_keys(cquic_connection *connection, uint64_t now) {
  return result(connection, ngtcp2_conn_initiate_key_update(connection->conn, now));
}

size_t cquic_datagram_capacity(cquic_connection *connection, size_t packet_limit) {
  const ngtcp2_transport_params *remote = ngtcp2_conn_get_remote_transport_params(connection->conn);
  if (!remote || remote->max_datagram_frame_size == 0) return 0;
  size_t packet = ngtcp2_conn_get_path_max_tx_udp_payload_size(connection->conn);
  if (packet > packet_limit) packet = packet_limit;
  // The header with the longest number, the tag, and the frame's type and length (RFC 9000, 17.3; 9221, 4).
  size_t overhead = 1 + ngtcp2_conn_get_dcid(connection->conn)->datalen + 4 + 16 + 3;
  // Early packets have a long one, with a version, two ids with their lengths, and a length (RFC 9000, 17.2.3).
  if (!ngtcp2_conn_get_handshake_completed(connection->conn)) overhead += 4 + 2 + NGTCP2_MAX_CIDLEN + 4;
  size_t room = packet > overhead ? packet - overhead : 0;
  size_t theirs = remote->max_datagram_frame_size > 3 ? (size_t)remote->max_datagram_frame_size - 3 : 0;
  return room < theirs ? room : theirs;
}

int cquic_export(cquic_connection *connection, const char *label, uint8_t *secret, size_t count) {
  return gnutls_prf_rfc5705(connection->session, strlen(label), label, 0, NULL, count, (char *)secret) >= 0;
}

size_t cquic_protocol(cquic_connection *connection, char *name, size_t capacity) {
  gnutls_datum_t protocol;
  if (gnutls_alpn_get_selected_protocol(connection->session, &protocol) < 0 || protocol.size > capacity) return 0;
  memcpy(name, protocol.data, protocol.size);
  return protocol.size;
}

void cquic_current_path(cquic_connection *connection, cquic_path *path) {
  cquic_get_path(path, ngtcp2_conn_get_path(connection->conn));
}

#if CQUIC_NGTCP2_1
typedef ngtcp2_conn_info connection_info;
#define get_info ngtcp2_conn_get_conn_info
#else
typedef ngtcp2_conn_stat connection_info;
#define get_info ngtcp2_conn_get_conn_stat
#endif

uint64_t cquic_bytes_in_flight(cquic_connection *connection) {
  connection_info info;
  get_info(connection->conn, &info);
  return info.bytes_in_flight;
}

uint64_t cquic_loss_deadline(cquic_connection *connection) {
#if CQUIC_NGTCP2_1
  // It is not told by itself: what is due first is that, or sooner.
  return cquic_bytes_in_flight(connection) > 0 ? ngtcp2_conn_get_expiry(connection->conn) : UINT64_MAX;
#else
  connection_info info;
  get_info(connection->conn, &info);
  return info.loss_detection_timer;
#endif
}

void cquic_get_statistics(cquic_connection *connection, cquic_statistics *out) {
  connection_info info;
  get_info(connection->conn, &info);
  out->latest_rtt = info.latest_rtt;
  out->least_rtt = info.min_rtt;
  out->smoothed_rtt = info.smoothed_rtt;
  out->rtt_variation = info.rttvar;
  out->congestion_window = info.cwnd;
  out->bytes_in_flight = info.bytes_in_flight;
  out->packet_size = ngtcp2_conn_get_path_max_tx_udp_payload_size(connection->conn);
}
