/* interlock.c: conditions over live signals that must hold for a set point to pass. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"

enum { VALUE, CURRENT, QUALITY, GOOD, UNCERTAIN, BAD, SIGNALS };

static const char *const words[SIGNALS] = {"value", "current", "quality", "good", "uncertain", "bad"};

static const char unheard[] = "a signal of an interlock is stale, bad or unknown";
static const char unmeasured[] = "what stands there is not known";

bool interlock_in_doubt(const char *why) {
    return why == unheard || why == unmeasured;
}

static bool is(const char *name, size_t length, const char *word) {
    return strlen(word) == length && memcmp(name, word, length) == 0;
}

static bool starts(const char *text, size_t length, const char *with) {
    return length > strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static struct signal signal_read(const char *text, size_t length) {
    static const char asset[] = "{asset}.", line[] = "{line}.";
    struct signal signal = {.of = memchr(text, '.', length) ? OF_PLANT : OF_ASSET};
    size_t skip = 0;
    if (starts(text, length, asset)) {
        signal.of = OF_ASSET;
        skip = strlen(asset);
    } else if (starts(text, length, line)) {
        signal.of = OF_LINE;
        skip = strlen(line);
    }
    signal.text = text + skip;
    signal.length = (uint8_t)(length - skip);
    return signal;
}

static bool same(const struct signal *a, const struct signal *b) {
    return a->of == b->of && a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static int resolve(void *arg, const char *name, size_t length) {
    struct condition *c = arg;
    c->moves |= is(name, length, words[CURRENT]);
    for (int i = 0; i < SIGNALS; i++)
        if (is(name, length, words[i])) return i;
    if (length > PL_NAME_MAX) return -1;
    struct signal signal = signal_read(name, length);
    for (unsigned i = 0; i < c->signals; i++)
        if (same(&c->signal[i], &signal)) return (int)i + SIGNALS;
    if (c->signals + SIGNALS >= SIGNALS_MAX) return -1;
    c->signal[c->signals++] = signal;
    return (int)c->signals - 1 + SIGNALS;
}

enum pl_code interlock_compile(const struct interlock *row, struct condition *condition, struct pl_error **error) {
    *condition = (struct condition){.row = row};
    return pl_expr_compile(row->when, resolve, condition, &condition->expr, error);
}

/* ---- Whether it holds ---- */

static size_t line_length(const struct guard *s, const char *asset) {
    unsigned parts = 0;
    for (size_t i = 0;; i++)
        if (!asset[i] || asset[i] == '.')
            if (++parts == pl_node_key_depth(s->node) || !asset[i]) return i;
}

static uint32_t tag_of(struct guard *s, uint32_t asset, const struct signal *signal) {
    struct pl_tags *tags = pl_node_tags(s->node);
    const struct pl_tag *owner = pl_tags_get(tags, asset);
    char text[2 * PL_NAME_MAX + 2];
    size_t length = signal->of == OF_ASSET ? owner->length : signal->of == OF_LINE ? line_length(s, owner->name) : 0;
    memcpy(text, owner->name, length);
    if (length) text[length++] = '.';
    memcpy(text + length, signal->text, signal->length);
    return pl_tags_intern(tags, text, length + signal->length);
}

static double severity(uint16_t quality) {
    return quality & PL_Q_BAD ? 2 : quality & PL_Q_UNCERTAIN ? 1 : 0;
}

/* False with *why, a constant: nothing can be decided by what is known. */
static bool gather(struct guard *s, const struct condition *c, uint32_t asset, pl_time now, double *variables,
                   const char **why) {
    double worst = 0;
    for (unsigned i = 0; i < c->signals; i++) {
        uint32_t tag = tag_of(s, asset, &c->signal[i]);
        const struct live *live = tag == PL_NO_ID ? NULL : live_watch(s, tag);
        if (!live || !live_is_good(s, live, now)) {
            *why = unheard;
            return false;
        }
        variables[SIGNALS + i] = live->value;
        if (severity(live->quality) > worst) worst = severity(live->quality);
    }
    variables[QUALITY] = worst;
    return true;
}

static const char *judge(struct guard *s, const struct condition *c, const struct point *point, double value,
                         pl_time now) {
    double variables[SIGNALS_MAX] = {[GOOD] = 0, [UNCERTAIN] = 1, [BAD] = 2}, from;
    const char *why = NULL;
    if (!gather(s, c, point->asset, now, variables, &why)) return why;
    decide_move(s, point, now, &from);
    if (c->moves && isnan(from)) return unmeasured;
    variables[VALUE] = value;
    variables[CURRENT] = from;
    double holds = pl_expr_eval_one(c->expr, variables);
    return holds != 0 && !isnan(holds) ? NULL : "an interlock does not hold";
}

static bool may_be(const struct signal *signal, const char *name) {
    size_t length = strlen(name);
    if (length < signal->length || memcmp(name + length - signal->length, signal->text, signal->length) != 0)
        return false;
    return length == signal->length || (signal->of != OF_PLANT && name[length - signal->length - 1] == '.');
}

bool interlock_names(const struct guard *s, const char *name) {
    for (uint32_t i = 0; i < s->condition_count; i++)
        for (unsigned k = 0; k < s->conditions[i].signals; k++)
            if (may_be(&s->conditions[i].signal[k], name)) return true;
    return false;
}

static size_t put_input(char *text, size_t used, size_t size, const struct live *live, const char *name,
                        size_t length) {
    if (!live || live->time == PL_TIME_MIN || used + length + 32 > size) return used;
    int n = snprintf(text + used, size - used, "%s%.*s %u:%" PRIu64, used ? ", " : "", (int)length, name,
                     live->partition, live->sequence);
    return n > 0 ? used + (size_t)n : used;
}

/* As many as there is room for. */
void interlock_inputs(struct guard *s, const struct point *point, char *text, size_t size) {
    static const char stands[] = "what stands there";
    size_t used = put_input(text, 0, size, live_watch(s, point->tag), stands, strlen(stands));
    for (uint32_t i = 0; i < s->condition_count; i++) {
        const struct condition *c = &s->conditions[i];
        if (!pl_glob(c->row->tags, point_name(s, point))) continue;
        for (unsigned k = 0; k < c->signals; k++) {
            uint32_t tag = tag_of(s, point->asset, &c->signal[k]);
            if (tag == PL_NO_ID) continue;
            used = put_input(text, used, size, live_watch(s, tag), c->signal[k].text, c->signal[k].length);
        }
    }
    text[used] = 0;
}

const char *interlock_holds(struct guard *s, const struct point *point, double value, pl_time now, const char **name) {
    for (uint32_t i = 0; i < s->condition_count; i++) {
        const struct condition *c = &s->conditions[i];
        if (!pl_glob(c->row->tags, point_name(s, point))) continue;
        const char *why = judge(s, c, point, value, now);
        *name = c->row->name;
        if (why) return why;
    }
    *name = NULL;
    return NULL;
}
