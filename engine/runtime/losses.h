/* losses.h: what a source says of what did not become rows (potline/letter.h), on its way into the log.
 *
 *     pl_letter, pl_lost --> letters at once, counts at the end of `produce` --> port PL_PORT_LETTERS --> the log
 *
 * They travel as events on a port that no graph can name, in the same group as the rows of the call, so that they are
 * in the log when the position behind them is. The lane's ledger (ledger.h) takes them from there.
 */
#ifndef POTLINE_LOSSES_H
#define POTLINE_LOSSES_H

#include <potline/letter.h>
#include <potline/pack.h>

struct pl_letter_order;

/* Behind every port that an operator can have; its name in the log is "NODE.letters". */
enum { PL_PORT_LETTERS = 31 };
#define PL_LETTERS_PORT_NAME "letters"

/* Kinds of the events. A letter: { place, cause, reason, bytes, cut, near, samples }. Losses: { losses }, an array of
 * [loss, tag, time, cause, count]. What came of a letter that was given in again: { letter, number, done, cause, near,
 * samples }.
 */
#define PL_LETTER_KIND "dead.letter"
#define PL_LOSSES_KIND "dead.losses"
#define PL_REINJECTED_KIND "dead.reinjected"

struct pl_losses {
    struct pl_loss_entry *entries;
    uint32_t count, room;
    uint32_t hint; /* which entry is probably meant next: who counts tags one after the other does so again */
    struct pl_pack *body;
    double letters, bytes; /* that may be kept now */
    uint64_t at;           /* when that was reckoned, hrtime; 0: never */
};

void pl_losses_fini(struct pl_losses *losses);

/* Emits the counts that have gathered. */
void pl_losses_flush(struct pl_node *node);

void pl_losses_pack_outcome(struct pl_pack *body, const struct pl_letter_order *order, bool done);

/* Takes one of the entries of PL_LOSSES_KIND; the tag's name is borrowed. */
struct pl_loss_read {
    uint64_t loss, count;
    const char *tag, *cause;
    size_t tag_length, cause_length;
    pl_time time;
};
bool pl_losses_read(struct pl_unpack *unpack, struct pl_loss_read *entry);

#endif
