/*
 * peer_decoder.c: how a parser is fuzzed where nobody thought of sockets.
 *
 *     input: format, the stream
 *
 * The whole input at once, every frame looked at, and nothing but a crash is
 * wrong.
 */
#include "fuzzers/fuzz.h"
#include "fuzzers/reference.h"
#include "target/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fm_decoder d;
    struct fm_frame frame;

    if (len < 1)
        return 0;
    fm_decoder_init(&d, ref_format(bytes[0]));
    if (fm_decoder_feed(&d, bytes + 1, len - 1) == 0) {
        while (fm_decoder_next(&d, &frame) == FM_FRAME)
            for (size_t i = 0; i < frame.len; i++)
                (void)*(const volatile uint8_t *)&frame.data[i];
        while (fm_decoder_end(&d, &frame) == FM_FRAME)
            continue;
    }
    fm_decoder_fini(&d);
    return 0;
}
