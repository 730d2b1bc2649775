/* letter.h: what did not become a row: dead letters, kept with their reason, and the counts of the loss ledger.
 *
 *     struct pl_letter letter = { .place = "in.csv:17", .cause = "time", .reason = "not a time: \"x\"",
 *                                 .bytes = line, .size = length, .time = last_row };
 *     pl_letter(node, &letter);                                   // kept in the zone dead, counted as rejected
 *     pl_lost(node, PL_LOSS_MISSING, tag, due, 1, "overrun");     // nothing to keep: counted only
 *
 * Of a source both go into the log together with the rows of the same call of `produce`, so that they are told once,
 * whatever happens. A source keeps PL_LETTERS_BURST letters at once and PL_LETTERS_RATE a second in the long run, of
 * PL_LETTERS_BYTES a second; beyond that they are only counted. The letter of a node that is no source goes into the
 * zone at once and belongs to the epoch at hand: only for operators with PL_OP_BLOCKING.
 *
 * All on the node's thread. Without a data folder nothing is kept.
 */
#ifndef POTLINE_LETTER_H
#define POTLINE_LETTER_H

#include "batch.h"

struct pl_node;

enum {
    PL_LETTER_MAX = 256 << 10, /* bytes of a letter; a longer one is cut, and cannot be given in again */
    PL_LETTER_TEXT_MAX = 255,
    PL_LETTERS_RATE = 100,
    PL_LETTERS_BURST = 1000,
    PL_LETTERS_BYTES = 4 << 20,
};

/* What became of an expected sample, but for the rows themselves. */
enum pl_loss {
    PL_LOSS_REJECTED,  /* it came, and could not be read */
    PL_LOSS_MISSING,   /* it was due, and never came */
    PL_LOSS_DUPLICATE, /* it came again */
    PL_LOSS_UNKEPT,    /* of the rejected ones: no letter is kept */
    PL_LOSSES
};

struct pl_letter {
    const char *place;  /* "file:line", a peer, an endpoint */
    const char *cause;  /* one of a few words, by which the ledger counts */
    const char *reason; /* for people; NULL: the cause */
    const void *bytes;  /* as they came */
    size_t size;
    bool cut;         /* there were more of them */
    uint32_t tag;     /* whose sample it was; 0: not known */
    uint32_t samples; /* how many it would have been; 0 counts as 1 */
    pl_time time;     /* near which event time; PL_TIME_MIN: now */
};

PL_API void pl_letter(struct pl_node *node, const struct pl_letter *letter);

/* `count` samples of a tag (0: not known) near `time`. `cause` as in a letter. */
PL_API void pl_lost(struct pl_node *node, enum pl_loss loss, uint32_t tag, pl_time time, uint64_t count,
                    const char *cause);

#endif
