#include "CIdentity.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

cidentity_credentials cidentity_raw(gnutls_privkey_t key) {
  // RFC 7250: a key, and nothing that says whose it is.
  gnutls_certificate_credentials_t made = NULL;
  if (gnutls_certificate_allocate_credentials(&made) < 0) return NULL;
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
  gnutls_datum_t x = {NULL, 0}, y = {NULL, 0}, k = {NULL, 0};
  gnutls_privkey_t private_key = NULL;
  gnutls_pubkey_t public_key = NULL;
  gnutls_pcert_st certificate;
  int is_wrapped = 0, is_taken = 0;
  if (gnutls_privkey_export_ecc_raw2(key, &curve, &x, &y, &k, 0) >= 0 && curve == GNUTLS_ECC_CURVE_ED25519 &&
      gnutls_privkey_init(&private_key) >= 0 && gnutls_pubkey_init(&public_key) >= 0 &&
      gnutls_privkey_import_ecc_raw(private_key, GNUTLS_ECC_CURVE_ED25519, &x, NULL, &k) >= 0 &&
      gnutls_pubkey_import_ecc_raw(public_key, GNUTLS_ECC_CURVE_ED25519, &x, NULL) >= 0 &&
      gnutls_pcert_import_rawpk(&certificate, public_key, 0) >= 0) {
    is_wrapped = 1;
    // From here on the key and the certificate are the credentials'.
    is_taken = gnutls_certificate_set_key(made, NULL, 0, &certificate, 1, private_key) >= 0;
  }
  if (k.data) gnutls_memset(k.data, 0, k.size);
  if (x.data) gnutls_free(x.data);
  if (y.data) gnutls_free(y.data);
  if (k.data) gnutls_free(k.data);
  if (is_taken) return made;
  // Once it is wrapped, the public key belongs to the certificate.
  if (is_wrapped) gnutls_pcert_deinit(&certificate);
  else if (public_key) gnutls_pubkey_deinit(public_key);
  if (private_key) gnutls_privkey_deinit(private_key);
  cidentity_free(made);
  return NULL;
}

cidentity_credentials cidentity_x509(const char *certificate, const char *key) {
  gnutls_certificate_credentials_t made = NULL;
  if (gnutls_certificate_allocate_credentials(&made) < 0) return NULL;
  gnutls_datum_t c = {(unsigned char *)certificate, (unsigned)strlen(certificate)};
  gnutls_datum_t k = {(unsigned char *)key, (unsigned)strlen(key)};
  if (gnutls_certificate_set_x509_key_mem(made, &c, &k, GNUTLS_X509_FMT_PEM) < 0) {
    cidentity_free(made);
    return NULL;
  }
  return made;
}

void cidentity_free(cidentity_credentials credentials) {
  if (credentials) gnutls_certificate_free_credentials(credentials);
}

static int is_expired(gnutls_x509_crt_t certificate) {
  time_t now = time(NULL);
  return now < gnutls_x509_crt_get_activation_time(certificate) || now > gnutls_x509_crt_get_expiration_time(certificate);
}

static int ask(cidentity_judge judge, void *owner, cidentity_kind kind, const gnutls_datum_t *key) {
  // A refusal becomes TLS's `bad_certificate` (RFC 8446, 6.2).
  return judge(owner, kind, key->data, key->size) == 0 ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

// The key in an X.509 certificate, which must be valid now; by whom it is signed does not matter, since the key alone
// says who it is.
static int ask_x509(cidentity_judge judge, void *owner, const gnutls_datum_t *der) {
  gnutls_x509_crt_t certificate = NULL;
  gnutls_pubkey_t key = NULL;
  gnutls_datum_t info = {NULL, 0};
  int answer = GNUTLS_E_CERTIFICATE_ERROR;
  if (gnutls_x509_crt_init(&certificate) >= 0 && gnutls_pubkey_init(&key) >= 0 &&
      gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) >= 0 &&
      gnutls_pubkey_import_x509(key, certificate, 0) >= 0 &&
      gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &info) >= 0) {
    answer = ask(judge, owner, is_expired(certificate) ? CIDENTITY_X509_EXPIRED : CIDENTITY_X509, &info);
  }
  if (info.data) gnutls_free(info.data);
  if (key) gnutls_pubkey_deinit(key);
  if (certificate) gnutls_x509_crt_deinit(certificate);
  return answer;
}

int cidentity_ask(gnutls_session_t session, cidentity_judge judge, void *owner) {
  unsigned count = 0;
  const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
  if (!certificates || count == 0) return GNUTLS_E_NO_CERTIFICATE_FOUND;
  switch (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS)) {
  case GNUTLS_CRT_RAWPK: return ask(judge, owner, CIDENTITY_RAW_KEY, &certificates[0]);
  case GNUTLS_CRT_X509: return ask_x509(judge, owner, &certificates[0]);
  default: return GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
  }
}

cidentity_authorities cidentity_system_authorities(void) {
  gnutls_x509_trust_list_t made = NULL;
  if (gnutls_x509_trust_list_init(&made, 0) < 0) return NULL;
  if (gnutls_x509_trust_list_add_system_trust(made, 0, 0) > 0) return made;
  cidentity_free_authorities(made);
  return NULL;
}

cidentity_authorities cidentity_authorities_in_file(const char *path) {
  gnutls_x509_trust_list_t made = NULL;
  if (gnutls_x509_trust_list_init(&made, 0) < 0) return NULL;
  if (gnutls_x509_trust_list_add_trust_file(made, path, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0) return made;
  cidentity_free_authorities(made);
  return NULL;
}

uint64_t cidentity_file_stamp(const char *path) {
  struct stat found;
  if (stat(path, &found) < 0) return 0;
  uint64_t parts[] = {(uint64_t)found.st_mtim.tv_sec, (uint64_t)found.st_mtim.tv_nsec, (uint64_t)found.st_size,
                      (uint64_t)found.st_ino, (uint64_t)found.st_dev};
  uint64_t stamp = 1;
  for (unsigned place = 0; place < sizeof parts / sizeof *parts; place++) stamp = (stamp ^ parts[place]) * 0x9E3779B97F4A7C15u;
  return stamp;
}

cidentity_authorities cidentity_authorities_in_text(const char *text) {
  gnutls_x509_trust_list_t made = NULL;
  gnutls_datum_t pem = {(unsigned char *)text, (unsigned)strlen(text)};
  if (gnutls_x509_trust_list_init(&made, 0) < 0) return NULL;
  if (gnutls_x509_trust_list_add_trust_mem(made, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0) return made;
  cidentity_free_authorities(made);
  return NULL;
}

void cidentity_free_authorities(cidentity_authorities authorities) {
  if (authorities) gnutls_x509_trust_list_deinit(authorities, 1);
}

// What servers show has two or three certificates; GnuTLS follows no more than this many.
enum { LONGEST_CHAIN = 16 };

int cidentity_verify(gnutls_session_t session, cidentity_authorities authorities, const char *name, unsigned *status) {
  unsigned count = 0;
  const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
  if (!shown || count == 0) return GNUTLS_E_NO_CERTIFICATE_FOUND;
  if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_X509) {
    return GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
  }
  if (count > LONGEST_CHAIN) return GNUTLS_E_CERTIFICATE_LIST_UNSORTED;
  gnutls_x509_crt_t chain[LONGEST_CHAIN];
  unsigned made = 0;
  int answer = 0;
  while (made < count && answer >= 0) {
    answer = gnutls_x509_crt_init(&chain[made]);
    if (answer < 0) break;
    answer = gnutls_x509_crt_import(chain[made], &shown[made], GNUTLS_X509_FMT_DER);
    made++;
  }
  gnutls_typed_vdata_st wanted[] = {
    {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)name, 0},
    {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0},
  };
  if (answer >= 0) {
    // Keys and signatures of 112 bits at least, as RSA's of 2,048: the session's own priorities are not asked here.
    unsigned flags = GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
    answer = gnutls_x509_trust_list_verify_crt2(authorities, chain, count, wanted, 2, flags, status, NULL);
  }
  for (unsigned place = 0; place < made; place++) gnutls_x509_crt_deinit(chain[place]);
  return answer;
}
