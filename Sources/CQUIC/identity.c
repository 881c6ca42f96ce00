#include "internal.h"

#include <CIdentity.h>
#include <stdio.h>

// TLS 1.3 with what QUIC may use (RFC 9001, 5.3). The first group alone is offered with a key: it is everybody's.
#define CIPHERS                                                                                                        \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"                             \
  ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE"

static int verify(gnutls_session_t session);

static cquic_identity *identity(cidentity_credentials credentials, const char *priorities) {
  if (!credentials) return NULL;
  cquic_identity *identity = calloc(1, sizeof *identity);
  if (!identity) {
    cidentity_free(credentials);
    return NULL;
  }
  identity->credentials = credentials;
  if (gnutls_priority_init(&identity->priority, priorities, NULL) < 0) {
    cquic_identity_free(identity);
    return NULL;
  }
  gnutls_certificate_set_verify_function(credentials, verify);
  return identity;
}

cquic_identity *cquic_identity_raw(void *key) {
  return identity(cidentity_raw(key), CIPHERS ":-CTYPE-ALL:+CTYPE-RAWPK");
}

cquic_identity *cquic_identity_x509(const char *certificate, const char *key) {
  return identity(cidentity_x509(certificate, key), CIPHERS ":-CTYPE-ALL:+CTYPE-X509");
}

void cquic_identity_free(cquic_identity *identity) {
  if (!identity) return;
  cidentity_free(identity->credentials);
  if (identity->priority) gnutls_priority_deinit(identity->priority);
  free(identity);
}

_Static_assert((int)CQUIC_RAW_KEY == (int)CIDENTITY_RAW_KEY && (int)CQUIC_X509 == (int)CIDENTITY_X509 &&
                   (int)CQUIC_X509_EXPIRED == (int)CIDENTITY_X509_EXPIRED,
               "a certificate of one is the other's");

static int judge(void *owner, cidentity_kind kind, const uint8_t *key, size_t count) {
  cquic_connection *connection = owner;
  return connection->call.verify(connection->owner, (cquic_certificate)kind, key, count);
}

static int verify(gnutls_session_t session) {
  ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
  return cidentity_ask(session, judge, reference->user_data);
}

int cquic_ask_peer(cquic_connection *connection) {
  unsigned count = 0;
  if (connection->may_be_nobody && !gnutls_certificate_get_peers(connection->session, &count)) return 0;
  return cidentity_ask(connection->session, judge, connection) == 0 ? 0 : -1;
}

const char *cquic_versions(void) {
  static char text[64];
  if (!text[0]) {
    snprintf(text, sizeof text, "ngtcp2 %s, GnuTLS %s", ngtcp2_version(0)->version_str, gnutls_check_version(NULL));
  }
  return text;
}
