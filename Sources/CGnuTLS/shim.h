// GnuTLS as Swift sees it.
#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
