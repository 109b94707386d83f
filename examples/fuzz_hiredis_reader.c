/* fuzz_hiredis_reader.c: hiredis' reader, however its input is cut. */
#include "fuzzers/pieces.h"

#include <hiredis/hiredis.h>

static void see(const redisReply *r)
{
    char line[32];
    int n = snprintf(line, sizeof line, "%d %lld", r->type,
                     r->type == REDIS_REPLY_INTEGER ? r->integer : 0);

    sf_saw('R', line, (size_t)n);
    if (r->str)
        sf_saw('s', r->str, r->len);
    for (size_t i = 0; i < r->elements; i++)
        see(r->element[i]);
    sf_saw('.', NULL, 0);
}

static void *begin(void)
{
    return redisReaderCreate();
}

static bool feed(void *reader, const uint8_t *bytes, size_t len)
{
    void *reply = NULL;

    if (redisReaderFeed(reader, (const char *)bytes, len) != REDIS_OK)
        return false;
    while (redisReaderGetReply(reader, &reply) == REDIS_OK) {
        if (!reply)
            return true;
        see(reply);
        freeReplyObject(reply);
    }
    return false;
}

static void end(void *reader)
{
    redisReaderFree(reader);
}

SF_FUZZ_PIECES(begin, feed, end)
