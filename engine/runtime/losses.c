#include "losses.h"

#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "runtime/node.h"
#include "store/ledger.h"
#include "store/letters.h"

enum { ENTRIES_AN_EVENT = 1024, LOOK_AT = 4, ITEMS = 5, SEVERITY_LETTER = 300, SEVERITY_LOSSES = 1 };

struct pl_loss_entry {
    enum pl_loss loss;
    uint32_t tag, cause;
    pl_time time;
    uint64_t count;
};

/* ---- Counts ---- */

static bool makes_room(struct pl_losses *losses) {
    if (losses->count < losses->room) return true;
    uint32_t room = losses->room ? 2 * losses->room : 16;
    struct pl_loss_entry *grown = pl_realloc(losses->entries, room * sizeof *grown);
    if (!grown) return false;
    losses->entries = grown;
    losses->room = room;
    return true;
}

static void pack_entry(struct pl_pack *body, const struct pl_tags *tags, const struct pl_loss_entry *entry) {
    pl_pack_array(body, ITEMS);
    pl_pack_uint(body, entry->loss);
    pl_pack_str(body, pl_tags_get(tags, entry->tag)->name);
    pl_pack_int(body, entry->time);
    pl_pack_str(body, pl_tags_get(tags, entry->cause)->name);
    pl_pack_uint(body, entry->count);
}

static bool has_body(struct pl_losses *losses) {
    if (!losses->body) losses->body = pl_pack_new();
    if (losses->body) pl_pack_reset(losses->body);
    return losses->body != NULL;
}

void pl_losses_flush(struct pl_node *node) {
    struct pl_losses *losses = &node->losses;
    for (uint32_t from = 0, count; from < losses->count; from += count) {
        count = losses->count - from < ENTRIES_AN_EVENT ? losses->count - from : ENTRIES_AN_EVENT;
        if (!has_body(losses)) {
            pl_fail(node, "no memory to count what was lost");
            break;
        }
        pl_pack_map(losses->body, 1);
        pl_pack_str(losses->body, "losses");
        pl_pack_array(losses->body, count);
        for (uint32_t i = from; i < from + count; i++)
            pack_entry(losses->body, node->config.tags, &losses->entries[i]);
        pl_emit_event(node, PL_PORT_LETTERS, pl_now(node), PL_LOSSES_KIND, SEVERITY_LOSSES, 0, 0, losses->body);
    }
    losses->count = losses->hint = 0;
}

static bool add_to_known(struct pl_losses *losses, const struct pl_loss_entry *entry) {
    for (uint32_t n = 0; n < losses->count && n < LOOK_AT; n++) {
        uint32_t i = (losses->hint + n) % losses->count;
        struct pl_loss_entry *known = &losses->entries[i];
        if (known->loss != entry->loss || known->tag != entry->tag || known->cause != entry->cause ||
            known->time != entry->time)
            continue;
        known->count += entry->count;
        losses->hint = i + 1;
        return true;
    }
    return false;
}

void pl_lost(struct pl_node *node, enum pl_loss loss, uint32_t tag, pl_time time, uint64_t count, const char *cause) {
    struct pl_losses *losses = &node->losses;
    if (!node->config.keeps_losses || node->config.op->inputs || !count) return;
    uint32_t cause_id = pl_tags_intern(node->config.tags, cause, strlen(cause));
    struct pl_loss_entry entry = {loss, tag, cause_id == PL_NO_ID ? 0 : cause_id, 0, count};
    entry.time = pl_ledger_hour_of(time == PL_TIME_MIN ? pl_now(node) : time);
    if (add_to_known(losses, &entry)) return;
    if (makes_room(losses))
        losses->entries[losses->count++] = entry;
    else
        pl_fail(node, "no memory to count what was lost");
}

bool pl_losses_read(struct pl_unpack *unpack, struct pl_loss_read *entry) {
    uint32_t items;
    return pl_unpack_array(unpack, &items) && items == ITEMS && pl_unpack_uint(unpack, &entry->loss) &&
           entry->loss < PL_LOSSES && pl_unpack_str(unpack, &entry->tag, &entry->tag_length) &&
           pl_unpack_int(unpack, &entry->time) && pl_unpack_str(unpack, &entry->cause, &entry->cause_length) &&
           pl_unpack_uint(unpack, &entry->count);
}

/* ---- Letters ---- */

/* What has not been used is saved up, but not beyond the burst. */
static bool may_keep(struct pl_losses *losses, size_t size) {
    uint64_t now = uv_hrtime();
    double past = losses->at ? (double)(now - losses->at) * 1e-9 : PL_LETTERS_BURST;
    losses->at = now;
    losses->letters += past * PL_LETTERS_RATE;
    losses->bytes += past * PL_LETTERS_BYTES;
    if (losses->letters > PL_LETTERS_BURST) losses->letters = PL_LETTERS_BURST;
    if (losses->bytes > PL_LETTERS_BYTES) losses->bytes = PL_LETTERS_BYTES;
    if (losses->letters < 1 || losses->bytes < (double)size) return false;
    losses->letters--;
    losses->bytes -= (double)size;
    return true;
}

/* Printable, since it is shown to people. */
static void pack_text(struct pl_pack *body, const char *key, const char *text) {
    char shown[PL_LETTER_TEXT_MAX + 1];
    size_t length = 0;
    for (; length < PL_LETTER_TEXT_MAX && text[length]; length++)
        shown[length] = text[length] < ' ' || text[length] > '~' ? '?' : text[length];
    shown[length] = 0;
    pl_pack_pair_str(body, key, shown);
}

static void pack_letter(struct pl_pack *body, const struct pl_letter *letter, size_t kept, uint32_t samples,
                        pl_time near) {
    pl_pack_map(body, 7);
    pack_text(body, "place", letter->place);
    pack_text(body, "cause", letter->cause);
    pack_text(body, "reason", letter->reason ? letter->reason : letter->cause);
    pl_pack_str(body, "bytes");
    pl_pack_bin(body, letter->bytes, kept);
    pl_pack_str(body, "cut");
    pl_pack_bool(body, letter->cut || kept < letter->size);
    pl_pack_pair_int(body, "near", near);
    pl_pack_pair_int(body, "samples", samples);
}

void pl_letter(struct pl_node *node, const struct pl_letter *letter) {
    struct pl_losses *losses = &node->losses;
    uint32_t samples = letter->samples ? letter->samples : 1;
    size_t kept = letter->size < PL_LETTER_MAX ? letter->size : PL_LETTER_MAX;
    if (!node->config.keeps_losses) return;
    pl_time now = pl_now(node), near = letter->time == PL_TIME_MIN ? now : letter->time;
    pl_lost(node, PL_LOSS_REJECTED, letter->tag, near, samples, letter->cause);
    if (!may_keep(losses, kept)) {
        pl_lost(node, PL_LOSS_UNKEPT, letter->tag, near, samples, letter->cause);
        return;
    }
    if (!has_body(losses)) {
        pl_fail(node, "no memory for a dead letter");
        return;
    }
    pack_letter(losses->body, letter, kept, samples, pl_ledger_hour_of(near));
    uint32_t asset = pl_tags_get(node->config.tags, letter->tag)->asset;
    pl_emit_event(node, PL_PORT_LETTERS, now, PL_LETTER_KIND, SEVERITY_LETTER, asset, letter->tag, losses->body);
}

void pl_losses_pack_outcome(struct pl_pack *body, const struct pl_letter_order *order, bool done) {
    pl_pack_map(body, 6);
    pl_pack_str(body, "letter");
    pl_pack_uint(body, order->letter);
    pl_pack_str(body, "number");
    pl_pack_uint(body, order->number);
    pl_pack_str(body, "done");
    pl_pack_bool(body, done);
    pl_pack_pair_str(body, "cause", order->cause);
    pl_pack_pair_int(body, "near", order->near);
    pl_pack_pair_int(body, "samples", order->samples);
}

void pl_losses_fini(struct pl_losses *losses) {
    pl_free(losses->entries);
    pl_pack_free(losses->body);
    *losses = (struct pl_losses){0};
}
