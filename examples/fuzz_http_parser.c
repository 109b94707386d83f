/* fuzz_http_parser.c: http-parser, however its input is cut. */
#include "fuzzers/pieces.h"

#include <http_parser.h>

#define ON_DATA(name, kind)                                        \
    static int name(http_parser *p, const char *bytes, size_t len) \
    {                                                              \
        (void)p;                                                   \
        sf_saw(kind, bytes, len);                                  \
        return 0;                                                  \
    }

ON_DATA(on_url, 'u')
ON_DATA(on_status, 's')
ON_DATA(on_field, 'f')
ON_DATA(on_value, 'v')
ON_DATA(on_body, 'b')

static int on_end(http_parser *p)
{
    (void)p;
    sf_saw('.', NULL, 0);
    return 0;
}

static void *begin(void)
{
    http_parser *p = malloc(sizeof *p);

    http_parser_init(p, HTTP_BOTH);
    return p;
}

static bool feed(void *p, const uint8_t *bytes, size_t len)
{
    static const http_parser_settings on = {
        .on_url = on_url,
        .on_status = on_status,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = on_end,
        .on_body = on_body,
        .on_message_complete = on_end,
    };

    return http_parser_execute(p, &on, (const char *)bytes, len) == len;
}

SF_FUZZ_PIECES(begin, feed, free)
