#include "internal.h"

// What a server does before there is a connection.

static const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};

cquic_result cquic_read_header(const uint8_t *bytes, size_t count, size_t id_count, cquic_header *out) {
  ngtcp2_version_cid header;
  int code = ngtcp2_pkt_decode_version_cid(&header, bytes, count, id_count);
  if (code != 0 && code != NGTCP2_ERR_VERSION_NEGOTIATION) return CQUIC_INVALID;
  if (header.dcidlen > sizeof out->destination.bytes || header.scidlen > sizeof out->source.bytes) {
    return CQUIC_INVALID;
  }
  out->version = header.version;
  out->is_long = (bytes[0] & 0x80) != 0;
  out->destination.count = (uint8_t)header.dcidlen;
  memcpy(out->destination.bytes, header.dcid, header.dcidlen);
  out->source.count = (uint8_t)header.scidlen;
  if (header.scidlen) memcpy(out->source.bytes, header.scid, header.scidlen);
  return code == 0 ? CQUIC_OK : CQUIC_VERSION;
}

cquic_result cquic_read_initial(const uint8_t *bytes, size_t count, cquic_initial *out) {
  ngtcp2_pkt_hd header;
  int code = ngtcp2_accept(&header, bytes, count);
  if (code != 0 && code != NGTCP2_ERR_RETRY) return CQUIC_INVALID;
  out->version = header.version;
  out->destination = cquic_from_cid(&header.dcid);
  out->source = cquic_from_cid(&header.scid);
#if CQUIC_NGTCP2_1
  out->token = header.token;
  out->token_count = header.tokenlen;
#else
  out->token = header.token.base;
  out->token_count = header.token.len;
#endif
  // Retries hand out the only tokens there are: any other says nothing (RFC 9000, 8.1.3).
  if (out->token_count > 0 && out->token[0] != NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) out->token_count = 0;
  return code == 0 ? CQUIC_OK : CQUIC_RETRY;
}

ssize_t cquic_write_versions(uint8_t *packet, size_t capacity, const cquic_header *header, uint8_t chance) {
  return ngtcp2_pkt_write_version_negotiation(packet, capacity, chance, header->source.bytes, header->source.count,
                                              header->destination.bytes, header->destination.count, versions,
                                              sizeof versions / sizeof versions[0]);
}

ssize_t cquic_write_retry(uint8_t *packet, size_t capacity, const cquic_initial *initial, const cquic_path *path,
                          const cquic_id *source, const uint8_t secret[32], uint64_t now) {
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  ngtcp2_cid scid = cquic_to_cid(source), dcid = cquic_to_cid(&initial->source);
  ngtcp2_cid original = cquic_to_cid(&initial->destination);
  // They must differ (RFC 9000, 17.2.5.1): a client that has guessed the next id is told nothing.
  if (ngtcp2_cid_eq(&scid, &original)) return CQUIC_INVALID;
  uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
  ngtcp2_ssize count =
      ngtcp2_crypto_generate_retry_token(token, secret, 32, initial->version, buffer.path.remote.addr,
                                         buffer.path.remote.addrlen, &scid, &original, now);
  if (count < 0) return CQUIC_INVALID;
  return ngtcp2_crypto_write_retry(packet, capacity, initial->version, &dcid, &scid, &original, token, (size_t)count);
}

cquic_result cquic_check_token(const cquic_initial *initial, const cquic_path *path, const uint8_t secret[32],
                               uint64_t lifetime, uint64_t now, cquic_id *original) {
  cquic_path_buffer buffer;
  cquic_set_path(&buffer, path);
  ngtcp2_cid dcid = cquic_to_cid(&initial->destination), before;
  if (ngtcp2_crypto_verify_retry_token(&before, initial->token, initial->token_count, secret, 32, initial->version,
                                       buffer.path.remote.addr, buffer.path.remote.addrlen, &dcid, lifetime, now) != 0) {
    return CQUIC_INVALID;
  }
  *original = cquic_from_cid(&before);
  return CQUIC_OK;
}

ssize_t cquic_write_refusal(uint8_t *packet, size_t capacity, const cquic_initial *initial, uint64_t code) {
  ngtcp2_cid dcid = cquic_to_cid(&initial->source), scid = cquic_to_cid(&initial->destination);
  return ngtcp2_crypto_write_connection_close(packet, capacity, initial->version, &dcid, &scid, code, NULL, 0);
}

ssize_t cquic_write_reset(uint8_t *packet, size_t capacity, const uint8_t token[16], const uint8_t *chance,
                          size_t chance_count) {
  return ngtcp2_pkt_write_stateless_reset(packet, capacity, token, chance, chance_count);
}
