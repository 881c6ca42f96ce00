// Who one is in TLS 1.3, and who the other side has proven to be, as GnuTLS has it: what QUIC and TLS over TCP share.
#ifndef CIDENTITY_H
#define CIDENTITY_H

#include <stddef.h>
#include <stdint.h>

// GnuTLS's own names, said again so that whoever includes this need not have its headers.
struct gnutls_privkey_st;
struct gnutls_certificate_credentials_st;
struct gnutls_session_int;
struct gnutls_x509_trust_list_st;

// A key and what it is shown as. They say nothing yet of how the other side is judged: that is for whoever uses them
// (`gnutls_certificate_set_verify_function`).
typedef struct gnutls_certificate_credentials_st *cidentity_credentials;

// From an Ed25519 key, which stays its owner's; NULL if it is none, or there is no memory.
cidentity_credentials cidentity_raw(struct gnutls_privkey_st *key);
// From an X.509 certificate and its key, both as PEM; NULL if they are none.
cidentity_credentials cidentity_x509(const char *certificate, const char *key);
void cidentity_free(cidentity_credentials);

// What a certificate is.
typedef enum { CIDENTITY_RAW_KEY = 0, CIDENTITY_X509 = 1, CIDENTITY_X509_EXPIRED = 2 } cidentity_kind;

// Whether the other side, which has this key (as RFC 8410 writes it), is the one: 0 if it is.
typedef int (*cidentity_judge)(void *owner, cidentity_kind kind, const uint8_t *key, size_t count);

// Asks `judge` about the other side of a session, which has shown its certificate: 0, or GnuTLS's error.
int cidentity_ask(struct gnutls_session_int *session, cidentity_judge judge, void *owner);

// Authorities whose word on X.509 certificates counts.
typedef struct gnutls_x509_trust_list_st *cidentity_authorities;

// Those that this system trusts; NULL if it says of none.
cidentity_authorities cidentity_system_authorities(void);
// Those in a file, as PEM; NULL if there are none.
cidentity_authorities cidentity_authorities_in_file(const char *path);
// A number that is another when a file is another, or has been written since.
uint64_t cidentity_file_stamp(const char *path);
// Those in a text, as PEM; NULL if there are none.
cidentity_authorities cidentity_authorities_in_text(const char *text);
void cidentity_free_authorities(cidentity_authorities);

// Has them look at the chain of certificates that the server of a session has shown, which must be for this name, or for the
// address that it spells: 0 and GnuTLS's status, which is 0 if all is well, or GnuTLS's error.
int cidentity_verify(struct gnutls_session_int *session, cidentity_authorities, const char *name, unsigned *status);

#endif
