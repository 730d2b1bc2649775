/* finding.c: an anomaly, as a detector's event tells it (operators/detect/verdict.h). */
#include <math.h>
#include <string.h>

#include "tickets.h"

const char *const finding_how_names[HOWS] = {"", "back", "lasts", "replaced", "open"};

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

/* An event that tells no surprise has one all the same: in thresholds, which its score tells. */
static void measure(struct finding *finding) {
    if (!(finding->size > 0) || !isfinite(finding->size)) finding->size = 0;
    if (finding->surprise >= 0 && isfinite(finding->surprise) && finding->threshold > 0 && isfinite(finding->threshold))
        return;
    finding->threshold = 1;
    finding->surprise = -log2(fmax(1 - finding->score, 1e-12));
    finding->size = 0;
}

/* It is over when it is as usual again; by the word of a detector that does not say how, when it has ended. */
static void note_how(struct finding *finding, const char *how) {
    for (unsigned i = HOW_BACK; i < HOWS; i++)
        if (strcmp(how, finding_how_names[i]) == 0) finding->how = (uint16_t)i;
    if (finding->how > HOW_BACK) finding->end = 0;
}

/* A body without a score is no anomaly's. */
static bool read_body(struct pl_unpack *unpack, const char *asset, struct finding *finding) {
    uint32_t pairs = 0;
    char side[8] = "", how[12] = "";
    finding->score = finding->surprise = (double)NAN;
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
        else if (is(key, length, "surprise") && !pl_unpack_f64(&value, &finding->surprise))
            finding->surprise = (double)NAN;
        else if (is(key, length, "surprise_threshold") && !pl_unpack_f64(&value, &finding->threshold))
            finding->threshold = 0;
        else if (is(key, length, "size") && !pl_unpack_f64(&value, &finding->size))
            finding->size = 0;
        else if (is(key, length, "what"))
            read_text(&value, finding->what, sizeof finding->what);
        else if (is(key, length, "side"))
            read_text(&value, side, sizeof side);
        else if (is(key, length, "how"))
            read_text(&value, how, sizeof how);
        else if (is(key, length, "tags"))
            read_parts(&value, asset, finding);
        else if (is(key, length, "explanation"))
            read_text(&value, finding->explanation, sizeof finding->explanation);
        else if (is(key, length, "cause"))
            read_text(&value, finding->cause, sizeof finding->cause);
        if (!pl_unpack_skip(unpack)) break;
    }
    finding->side = (int16_t)((strcmp(side, "higher") == 0) - (strcmp(side, "lower") == 0));
    note_how(finding, how);
    finding->reason = finding->score;
    if (unpack->failed || !(finding->score >= 0 && finding->score <= 1)) return false;
    measure(finding);
    return true;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

static uint64_t hash(const char *text) {
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

static bool read_news(const char *kind, enum finding_news *news) {
    static const char *const ends[] = {
        [FINDING_BEGAN] = ".began", [FINDING_GREW] = ".grew", [FINDING_ENDED] = ".ended"};
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        *news = (enum finding_news)i;
        if (ends_with(kind, ends[i])) return true;
    }
    return false;
}

bool finding_read(struct pl_node *node, const struct pl_batch *batch, uint32_t row, uint32_t *asset,
                  struct finding *finding, enum finding_news *news) {
    const struct pl_events *events = &batch->events;
    const struct pl_tags *tags = pl_node_tags(node);
    *asset = events->asset[row] ? events->asset[row] : events->tag[row];
    if (!*asset || !read_news(pl_tags_get(tags, events->kind[row])->name, news)) return false;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    struct pl_unpack unpack;
    *finding = (struct finding){.start = events->time[row], .last = events->time[row], .event = events->id[row]};
    if (*news == FINDING_ENDED) finding->end = events->time[row];
    finding->subject = hash(pl_tags_get(tags, events->tag[row] ? events->tag[row] : *asset)->name);
    put_text(finding->detector, sizeof finding->detector, pl_tags_get(tags, batch->source)->name);
    pl_unpack_init(&unpack, body, size);
    return read_body(&unpack, pl_tags_get(tags, *asset)->name, finding);
}

bool finding_same(const struct finding *a, const struct finding *b) {
    return a->start == b->start && a->subject == b->subject && strcmp(a->detector, b->detector) == 0;
}

/* Why it is one is told best when it was most surprising. What ends it speaks of a row that is none any more, and only
 * counts where much was not told before. */
void finding_follow(struct finding *known, const struct finding *later, enum finding_news news) {
    static const double much = 0.05;
    const struct finding before = *known;
    const double least = before.reason + (news == FINDING_ENDED ? much : 0);
    if (later->score >= least) *known = *later;
    known->event = before.event;
    known->start = before.start;
    known->score = fmax(before.score, later->score);
    known->surprise = fmax(before.surprise, later->surprise);
    known->size = fmax(before.size, later->size);
    known->threshold = later->threshold;
    known->last = later->last > before.last ? later->last : before.last;
    known->end = later->end ? later->end : before.end;
    known->how = later->how ? later->how : before.how;
    known->verdict = before.verdict;
}

/* ---- Alike ---- */

static double shares_alike(const struct finding *a, const struct finding *b) {
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

double finding_likeness(const struct finding *a, const struct finding *b) {
    static const double of_another_thing = 0.75;
    if (a->side * b->side < 0) return 0;
    return shares_alike(a, b) * (strcmp(a->what, b->what) == 0 && a->side == b->side ? 1 : of_another_thing);
}

bool finding_like(const struct finding *a, const struct finding *b) {
    static const double like = 0.8;
    return strcmp(a->detector, b->detector) == 0 && finding_likeness(a, b) >= like;
}

/* From a surprise of 11 on a detector may have said all it can: its limit is 12, less what it takes off for having
 * looked at several things. */
bool finding_more(const struct finding *a, const struct finding *b) {
    static const double all = 11, larger = 1.25;
    if (a->surprise < all || b->surprise < all) return a->surprise > b->surprise;
    if (a->size > 0 && b->size > 0) return a->size > larger * b->size;
    return true;
}
