/* finding.c: an anomaly, as a detector's event tells it (operators/detect/verdict.h). */
#include <math.h>
#include <string.h>

#include "tickets.h"

static bool is(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

static void read_text(struct pl_unpack *unpack, char *to, size_t size) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length)) return;
    if (length >= size) length = pl_text_cut(text, size - 1);
    memcpy(to, text, length);
    to[length] = 0;
}

/* Of a tag of the asset, the rest of its name. */
static void name_part(struct part *part, const char *asset, const char *tag, size_t length) {
    const size_t before = strlen(asset);
    if (before && length > before + 1 && memcmp(tag, asset, before) == 0 && tag[before] == '.') {
        tag += before + 1;
        length -= before + 1;
    }
    if (length >= SIGNAL_SIZE) length = pl_text_cut(tag, SIGNAL_SIZE - 1);
    memcpy(part->signal, tag, length);
    part->signal[length] = 0;
}

static void read_parts(struct pl_unpack *unpack, const char *asset, struct finding *finding) {
    uint32_t count = 0;
    if (!pl_unpack_array(unpack, &count)) return;
    for (uint32_t i = 0; i < count && !unpack->failed; i++) {
        uint32_t pairs = 0;
        struct part part = {.share = 0};
        pl_unpack_map(unpack, &pairs);
        for (uint32_t k = 0; k < pairs && !unpack->failed; k++) {
            const char *key, *tag;
            size_t length, tag_length;
            if (!pl_unpack_str(unpack, &key, &length)) return;
            struct pl_unpack value = *unpack;
            if (is(key, length, "tag") && pl_unpack_str(&value, &tag, &tag_length))
                name_part(&part, asset, tag, tag_length);
            else if (is(key, length, "share") && !pl_unpack_f64(&value, &part.share))
                part.share = 0;
            if (!pl_unpack_skip(unpack)) return;
        }
        if (finding->parts < PARTS && isfinite(part.share)) finding->part[finding->parts++] = part;
    }
}

/* A body without a score is no anomaly's. */
static bool read_body(struct pl_unpack *unpack, const char *asset, struct finding *finding) {
    uint32_t pairs = 0;
    finding->score = (double)NAN;
    pl_unpack_map(unpack, &pairs);
    for (uint32_t i = 0; i < pairs && !unpack->failed; i++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(unpack, &key, &length)) break;
        struct pl_unpack value = *unpack;
        if (is(key, length, "score") && !pl_unpack_f64(&value, &finding->score))
            finding->score = (double)NAN;
        else if (is(key, length, "start") && !pl_unpack_int(&value, &finding->start))
            finding->start = 0;
        else if (is(key, length, "tags"))
            read_parts(&value, asset, finding);
        else if (is(key, length, "explanation"))
            read_text(&value, finding->explanation, sizeof finding->explanation);
        else if (is(key, length, "cause"))
            read_text(&value, finding->cause, sizeof finding->cause);
        if (!pl_unpack_skip(unpack)) break;
    }
    return !unpack->failed && finding->score >= 0 && finding->score <= 1;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

bool finding_read(struct pl_node *node, const struct pl_batch *batch, uint32_t row, uint32_t *asset,
                  struct finding *finding) {
    const struct pl_events *events = &batch->events;
    const struct pl_tags *tags = pl_node_tags(node);
    const char *kind = pl_tags_get(tags, events->kind[row])->name;
    const bool began = ends_with(kind, ".began"), ended = ends_with(kind, ".ended");
    *asset = events->asset[row] ? events->asset[row] : events->tag[row];
    if ((!began && !ended) || !*asset) return false;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    struct pl_unpack unpack;
    *finding = (struct finding){.start = events->time[row], .last = events->time[row], .known = 1};
    if (ended) finding->end = events->time[row];
    put_text(finding->detector, sizeof finding->detector, pl_tags_get(tags, batch->source)->name);
    pl_unpack_init(&unpack, body, size);
    return read_body(&unpack, pl_tags_get(tags, *asset)->name, finding);
}

double finding_likeness(const struct finding *a, const struct finding *b) {
    double sum_a = 0, sum_b = 0, alike = 0;
    for (uint32_t i = 0; i < a->parts; i++)
        sum_a += fmax(a->part[i].share, 0);
    for (uint32_t i = 0; i < b->parts; i++)
        sum_b += fmax(b->part[i].share, 0);
    if (!(sum_a > 0) || !(sum_b > 0)) return 0;
    for (uint32_t i = 0; i < a->parts; i++)
        for (uint32_t k = 0; k < b->parts; k++)
            if (strcmp(a->part[i].signal, b->part[k].signal) == 0)
                alike += sqrt(fmax(a->part[i].share, 0) / sum_a * fmax(b->part[k].share, 0) / sum_b);
    return alike;
}
