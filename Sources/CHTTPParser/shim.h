// http-parser as Swift sees it.
#include <http_parser.h>

// The places of a URL's parts have no name in C, and are not imported.
static inline size_t warren_http_part_start(const struct http_parser_url *url, enum http_parser_url_fields part) {
  return url->field_data[part].off;
}

static inline size_t warren_http_part_length(const struct http_parser_url *url, enum http_parser_url_fields part) {
  return url->field_data[part].len;
}
