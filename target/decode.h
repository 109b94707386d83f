/*
 * decode.h: bytes in, frames out.
 *
 * The decoder is fed the stream in any pieces and gives back the same frames,
 * and the same error at the same offset, however the stream was cut:
 *
 *     fm_decoder_feed(&d, bytes, n);
 *     while ((r = fm_decoder_next(&d, &frame)) == FM_FRAME)
 *         use(frame.data, frame.len);
 *     if (r < 0)
 *         complain(fm_decoder_offset(&d), fm_decoder_why(&d));
 *
 * and fm_decoder_end() once the stream has ended.  fm_decoder_run() does the
 * same for all frames that are here, and faster.
 *
 * Errors are sticky: the first one stays, later calls return it again and
 * change nothing.  Memory follows the bytes received: never more than twice
 * what was fed and not yet taken (plus a small constant), whatever lengths
 * the peer announces.  Work is linear in the bytes fed, whatever the pieces.
 *
 * Pure: no errno, no clock, no descriptor.  One decoder belongs to one thread
 * at a time; different decoders share nothing.
 */
#ifndef FM_DECODE_H
#define FM_DECODE_H

#include "target/buf.h"
#include "target/err.h"
#include "target/format.h"

enum { FM_MORE = 0, FM_FRAME = 1 };

/*
 * One frame.  The bytes belong to the decoder and stay until the next call
 * on it.  With FM_TYPE the payload begins with the type byte.
 */
struct fm_frame {
    const uint8_t *data; /* the payload; never NULL, even when len is 0   */
    size_t len;          /* bytes of payload                              */
    uint64_t offset;     /* of the frame's first wire byte in the stream  */
};

/* Fields are private; here so that a decoder can live in another struct. */
struct fm_decoder {
    struct fm_format format;
    struct fm_buf in;    /* begins at the current frame's first wire byte */
    size_t scanned;      /* bytes of the current frame already looked at  */
    size_t taken;        /* wire bytes of the frames handed out last      */
    uint64_t length;     /* FM_ASCII: what the digits scanned say         */
    size_t want;         /* bytes of the frame that are surely missing    */
    bool ended;          /* fm_decoder_end() was called                   */
    bool whole;          /* FM_CLOSE: its one frame was handed out        */
    uint64_t offset;     /* of in's first byte in the stream              */
    int err;             /* sticky, 0 for none                            */
    uint64_t err_offset; /* where                                         */
    const char *why;     /* what                                          */
    uint64_t work;       /* bytes looked at so far                        */
};

/* Make *d ready for the first byte of a stream; *f is copied.  Never fails
 * and allocates nothing. */
void fm_decoder_init(struct fm_decoder *d, const struct fm_format *f);

/* Give back all memory.  *d may be initialised again. */
void fm_decoder_fini(struct fm_decoder *d);

/*
 * The next len bytes of the stream; all of them are taken, or none.
 *
 * Returns 0, FM_E_NOMEM (sticky), the earlier error, or FM_E_USAGE after
 * fm_decoder_end() (sticky).  Ends the life of the last frame.
 */
int fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len);

/*
 * Room for the next len bytes of the stream, to be read in place; what then
 * came is told with fm_decoder_commit(), n of at most len.  NULL when feed()
 * would have failed; the error is then sticky.  Ends the life of the last
 * frame.
 */
void *fm_decoder_reserve(struct fm_decoder *d, size_t len);
void fm_decoder_commit(struct fm_decoder *d, size_t n);

/* While the decoder holds no bytes, let it have the memory of spare, and
 * spare its own; see fm_buf_trade(). */
void fm_decoder_trade(struct fm_decoder *d, struct fm_buf *spare);

/* Would fm_decoder_reserve(d, len) do without more memory? */
bool fm_decoder_has_room(const struct fm_decoder *d, size_t len);

/*
 * The next frame.
 *
 * Returns FM_FRAME with *out filled, FM_MORE when the rest of the frame has
 * not come, or an error: FM_E_BAD, FM_E_TOO_LONG, or the earlier one.
 */
int fm_decoder_next(struct fm_decoder *d, struct fm_frame *out);

/* Called with each frame, which stays until it returns; it must not use the
 * decoder.  Returns 0 to go on, anything else to stop. */
typedef int fm_frame_taker(void *context, const struct fm_frame *frame);

/*
 * Give each whole frame that is here to each(), in order.
 *
 * Returns what each() returned when that was not 0, the frames after it still
 * to come; otherwise FM_MORE, or an error, as fm_decoder_next().
 */
int fm_decoder_run(struct fm_decoder *d, fm_frame_taker *each, void *context);

/*
 * The stream has ended.  Call until it returns less than 0.
 *
 * Returns FM_FRAME with *out filled as long as there are whole frames left
 * (FM_CLOSE: exactly once, with all bytes, perhaps none), then, sticky,
 * FM_E_CLOSED between frames, FM_E_TRUNCATED inside one, or the earlier
 * error.
 */
int fm_decoder_end(struct fm_decoder *d, struct fm_frame *out);

/*
 * How many bytes can be read without reading past the current frame; at
 * least 1.  For readers that must leave the next frame in the descriptor.
 * Meaningful after FM_MORE.
 */
size_t fm_decoder_want(const struct fm_decoder *d);

/* True when some but not all bytes of a frame are here. */
bool fm_decoder_inside(const struct fm_decoder *d);

/*
 * Where the sticky error is in the stream: FM_E_BAD the wrong byte,
 * FM_E_TOO_LONG the first byte of the frame, otherwise the end of what was
 * fed.  Without an error the offset of the next frame.
 */
uint64_t fm_decoder_offset(const struct fm_decoder *d);

/* What the sticky error is, in words; "" without one.  A constant. */
const char *fm_decoder_why(const struct fm_decoder *d);

/* Bytes looked at or moved so far: at most a small multiple of those fed. */
uint64_t fm_decoder_work(const struct fm_decoder *d);

#endif
