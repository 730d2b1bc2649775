/* wire.h: what an engine and its standby say to each other. A message is one frame, a msgpack array: what it is, then
 * its numbers, then its bytes.
 *
 *     standby                                   engine
 *     HELLO who I am, how far I have come  -->
 *                                          <--  WELCOME go on, or take a copy first; or REFUSED
 *     FETCH a piece of the copy            -->
 *                                          <--  PIECE
 *     PULL I have all up to here           -->
 *                                          <--  WRITES what came then, or nothing for a while; BYE in the end
 *
 * The standby asks and is answered, one thing at a time, so nothing piles up on either side. PULL acknowledges. Bytes
 * are checked here, whole, before anybody looks at them.
 */
#ifndef POTLINE_STANDBY_WIRE_H
#define POTLINE_STANDBY_WIRE_H

#include <potline/pack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PL__WIRE_VERSION = 1,
    PL__WIRE_NUMBERS = 6,
    PL__WIRE_BYTES = 4,
    PL__WIRE_ASK_MAX = 4 << 10,    /* a message of the standby */
    PL__WIRE_PIECE = 1 << 20,      /* of a copy */
    PL__WIRE_WRITES = 4 << 20,     /* about; one answer a round trip is what a link of long latency carries */
    PL__WIRE_BATCH_MAX = 64 << 20, /* a larger write can only be had with a copy */
    PL__WIRE_ANSWER_MAX = PL__WIRE_BATCH_MAX + 2 * PL__WIRE_WRITES,
    PL__WIRE_NAME_MAX = 64,
    PL__WIRE_FAMILIES = 32,
};

enum pl__wire_type { PL__HELLO = 1, PL__FETCH, PL__PULL, PL__WELCOME, PL__REFUSED, PL__PIECE, PL__WRITES, PL__BYE };

/* What number[...] is. The session is that of the last WELCOME, from 1; in another the message is of no use any more.
 */
enum { PL__SESSION };
enum { PL__HELLO_VERSION, PL__HELLO_CALLER, PL__HELLO_GENERATION, PL__HELLO_COPY, PL__HELLO_POSITION, PL__HELLO_NONCE };
enum { PL__FETCH_FILE = 1, PL__FETCH_OFFSET };
enum { PL__PULL_POSITION = 1 };
enum {
    PL__WELCOME_GENERATION = 1,
    PL__WELCOME_WHOLE /* a copy comes first */,
    PL__WELCOME_PATIENCE /* ns that a sync waits */
};
enum { PL__REFUSED_WHY, PL__REFUSED_GENERATION /* 0: whoever says so ends */ };
enum { PL__PIECE_FILE = 1, PL__PIECE_FILES, PL__PIECE_OFFSET, PL__PIECE_SIZE /* of the file */, PL__PIECE_CHECKSUM };
enum { PL__WRITES_LATEST = 1, PL__WRITES_IN_SYNC };

/* And bytes[...]. */
enum { PL__HELLO_ID, PL__HELLO_RUN, PL__HELLO_KEY };
enum { PL__WELCOME_ID, PL__WELCOME_RUN, PL__WELCOME_FAMILIES };
enum { PL__REFUSED_TEXT };
enum { PL__PIECE_NAME, PL__PIECE_BYTES };
enum { PL__WRITES_BATCHES /* each behind its size, 4 bytes, little-endian */ };

enum pl__caller {
    PL__FOLLOWS,
    PL__WRITES_TOO /* it writes to a folder of this lineage, too: one of the two is wrong */
};
enum pl__refusal {
    PL__TRY_AGAIN,
    PL__BEGIN_AGAIN,
    PL__NEVER,
    PL__NOT_NEWER /* so says who is asked by PL__WRITES_TOO */
};

struct pl__wire {
    enum pl__wire_type type;
    uint64_t number[PL__WIRE_NUMBERS];
    struct {
        const void *data;
        size_t size;
    } bytes[PL__WIRE_BYTES];
};

/* False: it is no message. What is read points into `bytes`. */
bool pl__wire_read(const void *bytes, size_t size, struct pl__wire *message);
void pl__wire_write(const struct pl__wire *message, struct pl_pack *pack);

/* ---- Writes ---- */

struct pl__batch {
    const char *data; /* as RocksDB has it in its log */
    size_t size;
    uint64_t first; /* its sequence number, and how many it has */
    uint32_t count;
};

/* The next one of the bytes of WRITES; *offset is where it begins, and behind it afterwards. False: it is none, or
 * holds something that no store writes; `families` of them are known. At the end the offset is the size. */
bool pl__wire_next_batch(const void *bytes, size_t size, size_t *offset, uint32_t families, struct pl__batch *batch);
bool pl__wire_check_batch(const char *data, size_t size, uint32_t families, struct pl__batch *batch);

#endif
