/* isolation_field.c: set points that a program takes to the field, in the audit as those of every other way there:
 * noted in front of what the program is given, and when it says how one has ended, or can say nothing any more. The
 * engine does it, so no program can leave it out. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/setpoint.h>
#include <potline/text.h>

#include "base/utf8.h"
#include "batch/batch_impl.h"
#include "runtime/isolation_impl.h"
#include "runtime/journal.h"
#include "runtime/note.h"
#include "runtime/task_impl.h"

static const char prefix[] = "setpoint.";
enum { PREFIX = sizeof prefix - 1, ID_MAX = 24, WHY_MAX = 160, REASON_MAX = 256 };
enum { ORDERS_FIRST = 64, ORDERS_MAX = 1 << 16 };

static bool is_field(const struct pl_isolation *is) {
    return is->program && is->task->node.config.op->flags & PL_OP_FIELD;
}

/* How much of a text there is room for. */
static int shown(const char *text, size_t length, size_t room) {
    return (int)pl_text_cut(text, length < room ? length : room - 1);
}

/* ---- What it owes an end ---- */

static bool has_room(struct pl_isolation *is) {
    if (is->order_count < is->order_room) return true;
    uint32_t room = is->order_room ? 2 * is->order_room : ORDERS_FIRST;
    struct pl__order *grown = room > ORDERS_MAX ? NULL : pl_realloc(is->orders, room * sizeof *grown);
    if (!grown) return false;
    is->orders = grown;
    is->order_room = room;
    return true;
}

static void remember(struct pl_isolation *is, uint64_t id, uint32_t tag) {
    if (has_room(is))
        is->orders[is->order_count++] = (struct pl__order){id, tag};
    else
        is->unlisted++;
}

static bool read_id(const char *text, size_t length, uint64_t *id) {
    *id = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || *id > (UINT64_MAX - 9) / 10) return false;
        *id = 10 * *id + (uint64_t)(text[i] - '0');
    }
    return length > 0;
}

/* True: it was one that was given; each has one end. By its tag where a program does not say which one it was. */
static bool take_order(struct pl_isolation *is, const char *id, size_t length, struct pl__order *order) {
    bool named = read_id(id, length, &order->id);
    for (uint32_t i = 0; i < is->order_count; i++) {
        if (named ? is->orders[i].id != order->id : is->orders[i].tag != order->tag) continue;
        *order = is->orders[i];
        memmove(&is->orders[i], &is->orders[i + 1], (--is->order_count - i) * sizeof *is->orders);
        return true;
    }
    if (!is->unlisted) return false;
    is->unlisted--;
    return true;
}

/* ---- What it is given ---- */

/* A guard's pulse is no set point. It is the guard's own: of all that comes from one nothing else is like it, whatever
 * ids others give to theirs. */
static bool is_pulse(const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    static const char ending[] = ".pulse";
    const struct pl_setpoints *s = &batch->setpoints;
    const struct pl_tag *guard = pl_tags_get(tags, batch->source), *tag = pl_tags_get(tags, s->tag[row]);
    return s->id[row] == 0 && s->origin[row] == batch->source && tag->length == guard->length + sizeof ending - 1 &&
           memcmp(tag->name, guard->name, guard->length) == 0 && strcmp(tag->name + guard->length, ending) == 0;
}

/* A value that is missing takes back what has not left: nothing is written. */
void pl__isolation_note_orders(struct pl_isolation *is, const struct pl_batch *batch) {
    const struct pl_setpoints *s = &batch->setpoints;
    if (!is_field(is) || batch->kind != PL_SETPOINTS) return;
    for (uint32_t row = 0; row < batch->rows; row++) {
        uint32_t length;
        char text[REASON_MAX];
        const char *reason = pl_batch_heap_row(batch, 0, row, &length);
        if (isnan(s->value[row]) || is_pulse(is->task->node.config.tags, batch, row)) continue;
        snprintf(text, sizeof text, "%.*s", shown(reason, length, REASON_MAX), length ? reason : "");
        struct pl_setpoint_note note = {.action = PL_SETPOINT_WRITE,
                                        .outcome = "given to the program",
                                        .reason = text,
                                        .id = s->id[row],
                                        .token = s->token[row],
                                        .sequence = batch->header->first_sequence + row,
                                        .partition = batch->header->partition,
                                        .tag = s->tag[row],
                                        .origin = s->origin[row],
                                        .model = batch->model,
                                        .old = NAN,
                                        .value = s->value[row]};
        pl_note_setpoint(&is->task->node, &note);
        remember(is, s->id[row], s->tag[row]);
    }
}

/* ---- What it says ---- */

struct said {
    const char *id, *why; /* not ended by 0 */
    size_t id_length, why_length;
    double value, old, read_back;
};

static const struct said nothing = {.id = "", .why = "", .value = NAN, .old = NAN, .read_back = NAN};

static bool is_key(const char *key, size_t length, const char *name) {
    return length == strlen(name) && memcmp(key, name, length) == 0;
}

/* A number, or nil: there is none. */
static bool read_number(struct pl_unpack *unpack, double *value) {
    struct pl_unpack nil = *unpack;
    if (!pl_unpack_nil(&nil)) return pl_unpack_f64(unpack, value);
    *unpack = nil;
    return true;
}

static bool read_body(const void *bytes, size_t size, struct said *said) {
    struct pl_unpack unpack;
    uint32_t count;
    const char *key;
    size_t length;
    *said = nothing;
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &count)) return false;
    for (; count > 0; count--) {
        bool read = pl_unpack_str(&unpack, &key, &length);
        if (!read) return false;
        if (is_key(key, length, "id"))
            read = pl_unpack_str(&unpack, &said->id, &said->id_length);
        else if (is_key(key, length, "why"))
            read = pl_unpack_str(&unpack, &said->why, &said->why_length);
        else if (is_key(key, length, "value"))
            read = read_number(&unpack, &said->value);
        else if (is_key(key, length, "old"))
            read = read_number(&unpack, &said->old);
        else if (is_key(key, length, "read_back"))
            read = read_number(&unpack, &said->read_back);
        else
            read = pl_unpack_skip(&unpack);
        if (!read) return false;
    }
    return pl_utf8_check(said->id, said->id_length) && pl_utf8_check(said->why, said->why_length);
}

static const char *text_of(double value, char text[PL_TEXT_F64_MAX + 1]) {
    if (isnan(value)) return NULL;
    *pl_text_put_f64(text, value) = 0;
    return text;
}

static void note_end(struct pl_isolation *is, const struct pl_batch *batch, uint32_t row, const char *end) {
    struct pl_node *node = &is->task->node;
    char from[PL_TEXT_F64_MAX + 1], to[PL_TEXT_F64_MAX + 1], found[PL_TEXT_F64_MAX + 1];
    char reason[ID_MAX + 16], outcome[PL_NAME_MAX + WHY_MAX + 96];
    struct said said;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    if (!read_body(body, size, &said)) said = nothing;
    struct pl__order order = {.tag = batch->events.tag[row]};
    if (!take_order(is, said.id, said.id_length, &order)) return;
    const char *read = text_of(said.read_back, found);
    double waited = (double)(pl_now(node) - batch->header->receive_time) / 1e6;
    snprintf(reason, sizeof reason, "set point %.*s", shown(said.id, said.id_length, ID_MAX), said.id);
    snprintf(outcome, sizeof outcome, "%s: read back %s after %.3f ms%s%.*s", end, read ? read : "nothing", waited,
             said.why_length ? "; " : "", shown(said.why, said.why_length, WHY_MAX), said.why);
    struct pl_note note = {.action = PL_SETPOINT_RESULT,
                           .object = pl_tags_get(node->config.tags, order.tag)->name,
                           .from = text_of(said.old, from),
                           .to = text_of(said.value, to),
                           .reason = reason,
                           .outcome = outcome};
    pl_note_owed(node, &note, &(struct pl_owed){PL_OWED_CLOSES, order.id});
}

/* Events of other kinds are no ends; and each set point has one, whatever the program says. */
void pl__isolation_note_ends(struct pl_isolation *is, const struct pl_batch *batch) {
    if (!is_field(is) || batch->kind != PL_EVENTS) return;
    for (uint32_t row = 0; row < batch->rows; row++) {
        const char *kind = pl_tags_get(is->task->node.config.tags, batch->events.kind[row])->name;
        if (strncmp(kind, prefix, PREFIX) == 0) note_end(is, batch, row, kind + PREFIX);
    }
}

/* Written or not, nobody can tell: what stands there is read when the next one is. So of a node's own process, too. */
void pl__isolation_note_orphans(struct pl_isolation *is, const char *why) {
    struct pl_node *node = &is->task->node;
    if (node->config.journal) pl_journal_close(node->config.journal, node->config.name, why);
    is->order_count = 0;
    is->unlisted = 0;
}
