// QUIC and TLS 1.3 as ngtcp2 and GnuTLS do them, in terms that do not change with their versions: this header names
// neither. It keeps nothing but what they need kept, and decides nothing.
#ifndef CQUIC_H
#define CQUIC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Addresses and paths

// An address as 16 bytes, IPv4 as IPv6 writes it (RFC 4291, 2.5.5.2), and a port.
typedef struct {
  uint64_t high, low; // as networks write them
  uint32_t zone;      // of a link-local address; no part of what makes two addresses one
  uint16_t port;      // as this machine writes it
} cquic_address;

// From where to where. Two paths are one if both addresses and both ports are the same.
typedef struct {
  cquic_address local, remote;
} cquic_path;

// MARK: What happens

// How a call went.
typedef enum {
  CQUIC_OK = 0,
  CQUIC_MORE = -1,           // what was given is in a packet that has room for more
  CQUIC_BLOCKED = -2,        // the stream's or the connection's window is closed
  CQUIC_STREAM_GONE = -3,    // the stream is not there any more, or the other side wants no more of it
  CQUIC_NO_STREAMS = -4,     // the other side permits no further stream now
  CQUIC_RETRY = -5,          // the client must prove its address first
  CQUIC_DROP = -6,           // the connection is to be forgotten without a word
  CQUIC_DRAINING = -7,       // the other side has closed it
  CQUIC_CLOSING = -8,        // this side has closed it
  CQUIC_IDLE = -9,           // nothing was heard for too long
  CQUIC_HANDSHAKE_LATE = -10, // the handshake took too long
  CQUIC_INVALID = -11,       // what was asked for cannot be done now
  CQUIC_VERSION = -12,       // the two have no version in common
  CQUIC_FAILED = -13,        // it is over: close with cquic_write_close
  CQUIC_NO_PATH = -14,       // a server has asked in vain whether its path carries packets of full size, and says no more on it
} cquic_result;

// What a certificate is.
typedef enum { CQUIC_RAW_KEY = 0, CQUIC_X509 = 1, CQUIC_X509_EXPIRED = 2 } cquic_certificate;

// What a connection calls, on the thread that calls it. Those that return an int return 0, or another number to end the
// connection with an internal error.
typedef struct {
  void (*random)(void *owner, uint8_t *bytes, size_t count);
  void (*new_id)(void *owner, uint8_t *id, size_t count, uint8_t token[16]);
  void (*retired_id)(void *owner, const uint8_t *id, size_t count);
  // Whether the other side, which has this key (as RFC 8410 writes it), is the one: 0 if it is.
  int (*verify)(void *owner, cquic_certificate kind, const uint8_t *key, size_t count);
  void (*handshake_completed)(void *owner);
  // A client knows that the server has taken its key (RFC 9001, 4.1.2). Not called for servers, who know that before.
  void (*handshake_confirmed)(void *owner);
  // The other side has opened a stream: the answer is handed to the calls below.
  void *(*stream_opened)(void *owner, int64_t id);
  void (*stream_data)(void *owner, void *stream, const uint8_t *bytes, size_t count, int is_last);
  void (*stream_acknowledged)(void *owner, void *stream, uint64_t count);
  void (*stream_reset)(void *owner, void *stream, uint64_t code);
  void (*stream_window)(void *owner, void *stream);
  void (*stream_closed)(void *owner, void *stream, int64_t id);
  void (*more_streams)(void *owner, int is_bidirectional);
  void (*datagram)(void *owner, const uint8_t *bytes, size_t count);
  void (*was_reset)(void *owner); // the other side has forgotten the connection (RFC 9000, 10.3)
  void (*path_validated)(void *owner, const cquic_path *path, int is_usable);
  // What a client may show this server when it comes back.
  void (*ticket)(void *owner, const uint8_t *bytes, size_t count);
  void (*qlog)(void *owner, const uint8_t *bytes, size_t count);
  void (*secret)(void *owner, const char *label, const uint8_t *client_random, const uint8_t *secret, size_t count);
} cquic_callbacks;

// MARK: Who one is

// A key with which connections prove who they are.
typedef struct cquic_identity cquic_identity;

// From an Ed25519 key, a `gnutls_privkey_t` that stays its owner's; NULL if it is none, or there is no memory.
cquic_identity *cquic_identity_raw(void *key);
// From an X.509 certificate and its key, both as PEM; NULL if they are none.
cquic_identity *cquic_identity_x509(const char *certificate, const char *key);
void cquic_identity_free(cquic_identity *);

// What a server's tickets are made with, and what was shown of them not long ago. Those of one are worth nothing to
// another, which may permit less.
typedef struct cquic_tickets cquic_tickets;

// `window`: for how many milliseconds a ticket is good for early data at most, and first messages are remembered.
cquic_tickets *cquic_tickets_new(unsigned window);
void cquic_tickets_free(cquic_tickets *);

// MARK: A connection

typedef struct cquic_connection cquic_connection;

// A connection id (RFC 9000, 5.1).
typedef struct {
  uint8_t bytes[20];
  uint8_t count;
} cquic_id;

typedef struct {
  const cquic_identity *identity;
  const char *const *protocols; // ALPN, the most wanted first
  size_t protocol_count;
  const char *server_name;   // NULL for none
  int requires_peer_key;     // a server asks the client who it is
  uint64_t idle_timeout, handshake_timeout, keep_alive, initial_rtt; // ns; 0 for none
  uint64_t window, stream_window;        // what may be on its way at first
  uint64_t largest_window; // of all streams together; that of one is widened by cquic_permit_stream_bytes alone
  uint64_t bidirectional_streams, unidirectional_streams;
  uint16_t largest_packet;   // UDP payload, for path MTU discovery
  uint16_t largest_datagram; // that this side takes; 0 for none
  int has_qlog, has_secrets;
  cquic_tickets *tickets; // given and asked for, and what they let be sent early is taken; NULL for none of it
  const uint8_t *ticket;  // with which a client comes back; NULL for none
  size_t ticket_count;
} cquic_settings;

// What a server knows from the client's first packet.
typedef struct {
  uint32_t version;
  cquic_id destination, source;
  const uint8_t *token;
  size_t token_count;
} cquic_initial;

cquic_connection *cquic_connect(const cquic_settings *, const cquic_callbacks *, void *owner, const cquic_path *,
                                const cquic_id *destination, const cquic_id *source, uint64_t now);
// `original`: the client's first destination, where a retry has changed it; else NULL.
cquic_connection *cquic_accept(const cquic_settings *, const cquic_callbacks *, void *owner, const cquic_path *,
                               const cquic_initial *, const cquic_id *original, const cquic_id *source,
                               const uint8_t reset_token[16], uint64_t now);
void cquic_free(cquic_connection *);

// A datagram has arrived. `is_genuine`: whether the other side has sealed something in it.
cquic_result cquic_read(cquic_connection *, const cquic_path *, uint32_t ecn, const uint8_t *bytes, size_t count,
                        uint64_t now, int *is_genuine);

typedef struct {
  const uint8_t *bytes;
  size_t count;
} cquic_slice;

typedef struct {
  cquic_path path;
  uint32_t ecn;
} cquic_envelope;

enum { CQUIC_WRITE_MORE = 1, CQUIC_WRITE_LAST = 2 };

// Writes a packet, with bytes of a stream if `stream` is not negative: its size, 0 if nothing is to be sent now, or a
// result. `taken` says how many of the bytes went into it, -1 for none at all.
ssize_t cquic_write(cquic_connection *, cquic_envelope *, uint8_t *packet, size_t capacity, int64_t stream,
                    uint32_t flags, const cquic_slice *slices, size_t slice_count, ssize_t *taken, uint64_t now);
// The same with a datagram (RFC 9221); `taken` says whether it is in the packet.
ssize_t cquic_write_datagram(cquic_connection *, cquic_envelope *, uint8_t *packet, size_t capacity,
                             uint32_t flags, const uint8_t *bytes, size_t count, int *taken, uint64_t now);
// All packets of this turn are written: the next is paced from now on.
void cquic_written(cquic_connection *, uint64_t now);
size_t cquic_send_quantum(cquic_connection *);
size_t cquic_packet_capacity(cquic_connection *);

typedef enum { CQUIC_CLOSE_CAUSE = 0, CQUIC_CLOSE_TRANSPORT = 1, CQUIC_CLOSE_APPLICATION = 2 } cquic_close_kind;

// Writes the packet that closes the connection: for what has failed (`CQUIC_CLOSE_CAUSE`), or with a code of one's own.
ssize_t cquic_write_close(cquic_connection *, cquic_envelope *, uint8_t *packet, size_t capacity, cquic_close_kind,
                          uint64_t code, const uint8_t *reason, size_t reason_count, uint64_t now);

// Why the connection is over: what the other side said, or what went wrong on this one.
typedef struct {
  int is_remote, is_application;
  uint64_t code; // RFC 9000, 20; 0x100 and a TLS alert for what TLS refused
  const uint8_t *reason;
  size_t reason_count;
} cquic_cause;
void cquic_get_cause(cquic_connection *, cquic_cause *);

uint64_t cquic_deadline(cquic_connection *); // UINT64_MAX for none
cquic_result cquic_handle_deadline(cquic_connection *, uint64_t now);
uint64_t cquic_probe_timeout(cquic_connection *);
// After how much silence a sign of life is sent; 0 for never.
void cquic_keep_alive(cquic_connection *, uint64_t timeout);
uint64_t cquic_remote_idle_timeout(cquic_connection *); // ns; 0 where it has none, or is not known
uint64_t cquic_round_trip(cquic_connection *); // on average

cquic_result cquic_open_stream(cquic_connection *, int is_bidirectional, int64_t *id);
void cquic_set_stream(cquic_connection *, int64_t id, void *stream);
cquic_result cquic_reset_stream(cquic_connection *, int64_t id, uint64_t code);
cquic_result cquic_refuse_stream(cquic_connection *, int64_t id, uint64_t code);
// The other side may send so many bytes more, on all streams together, and on one of them.
void cquic_permit_bytes(cquic_connection *, uint64_t count);
void cquic_permit_stream_bytes(cquic_connection *, int64_t id, uint64_t count);
// The other side may open one more stream.
void cquic_permit_stream(cquic_connection *, int is_bidirectional);
// How many bytes the other side takes beyond those that were sent, on all streams together.
uint64_t cquic_window_left(cquic_connection *);
// The same for one stream.
uint64_t cquic_stream_window_left(cquic_connection *, int64_t id);
// How many bytes more may be on their way now.
uint64_t cquic_congestion_window_left(cquic_connection *);
// How many bytes are on their way.
uint64_t cquic_bytes_in_flight(cquic_connection *);
// When what is on its way is taken for lost, or asked for; UINT64_MAX for never.
uint64_t cquic_loss_deadline(cquic_connection *);
uint64_t cquic_streams_left(cquic_connection *, int is_bidirectional);

// Whether a client has come back with a ticket that lets it send at once.
int cquic_is_early(cquic_connection *);
// Whether the two have known each other from a ticket, and whether what the client has sent early was taken.
int cquic_is_resumed(cquic_connection *);
int cquic_was_early(cquic_connection *);
// What was sent early is lost: all streams are gone.
void cquic_forget_early(cquic_connection *);
// Asks `verify` whether the other side is the one, where TLS did not since it knows it from a ticket.
int cquic_ask_peer(cquic_connection *);

cquic_result cquic_migrate(cquic_connection *, const cquic_path *, int at_once, uint64_t now);
cquic_result cquic_update_keys(cquic_connection *, uint64_t now);
// The largest datagram that fits into packets of at most so many bytes, as things are.
size_t cquic_datagram_capacity(cquic_connection *, size_t packet_limit);
size_t cquic_protocol(cquic_connection *, char *name, size_t capacity);
// A secret that both sides and nobody else have, once the handshake is done (RFC 8446, 7.5). 0 where there is none.
int cquic_export(cquic_connection *, const char *label, uint8_t *secret, size_t count);
void cquic_current_path(cquic_connection *, cquic_path *);

typedef struct {
  uint64_t latest_rtt, least_rtt, smoothed_rtt, rtt_variation, congestion_window, bytes_in_flight, packet_size;
} cquic_statistics;
void cquic_get_statistics(cquic_connection *, cquic_statistics *);

// MARK: Packets without a connection

typedef struct {
  uint32_t version; // 0 for a short header
  cquic_id destination, source;
  int is_long;
} cquic_header;

// The header of a packet whose destination has `id_count` bytes where its header is short: CQUIC_OK, CQUIC_VERSION if a
// version should be negotiated, CQUIC_INVALID.
cquic_result cquic_read_header(const uint8_t *bytes, size_t count, size_t id_count, cquic_header *);
// Whether a packet may begin a connection: CQUIC_OK, CQUIC_RETRY, CQUIC_INVALID.
cquic_result cquic_read_initial(const uint8_t *bytes, size_t count, cquic_initial *);
ssize_t cquic_write_versions(uint8_t *packet, size_t capacity, const cquic_header *, uint8_t chance);
ssize_t cquic_write_retry(uint8_t *packet, size_t capacity, const cquic_initial *, const cquic_path *,
                          const cquic_id *source, const uint8_t secret[32], uint64_t now);
// Whether a token is one that was handed out to this address: then `original` is the destination that came before it.
cquic_result cquic_check_token(const cquic_initial *, const cquic_path *, const uint8_t secret[32], uint64_t lifetime,
                               uint64_t now, cquic_id *original);
ssize_t cquic_write_refusal(uint8_t *packet, size_t capacity, const cquic_initial *, uint64_t code);
ssize_t cquic_write_reset(uint8_t *packet, size_t capacity, const uint8_t token[16], const uint8_t *chance,
                          size_t chance_count);

// What it was built with: `ngtcp2 0.12.1, GnuTLS 3.7.9`.
const char *cquic_versions(void);

#endif
