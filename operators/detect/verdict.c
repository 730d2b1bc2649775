#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tail.h"

enum { OUT_ROWS = 4096, EVENT_ROWS = 64, EVENT_HEAP = 64 << 10, SEVERITY_LEAST = 400, SEVERITY_MOST = 900 };

/* ---- Life ---- */

enum pl_code verdicts_init(struct verdicts *v, struct pl_node *node, bool changepoints, struct pl_error **error) {
    v->node = node;
    pl_node_model(node, NULL, NULL, NULL);
    v->changepoints = changepoints;
    v->body = pl_pack_new();
    return v->body ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the bodies of events");
}

void verdicts_fini(struct verdicts *v) {
    pl_batch_unref(v->out);
    pl_batch_unref(v->events);
    pl_pack_free(v->body);
    pl_free(v->names);
    *v = (struct verdicts){0};
}

/* ---- Samples ---- */

double verdict_score(double surprise, double threshold) {
    return 1 - exp2(-surprise / threshold);
}

static uint32_t intern(struct verdicts *v, uint32_t subject, const char *signal) {
    struct pl_tags *tags = pl_node_tags(v->node);
    char name[PL_NAME_MAX + 16];
    const char *of = pl_tags_get(tags, subject)->name;
    int length = snprintf(name, sizeof name, "%s%s%s", of, of[0] ? "." : "", signal);
    return pl_tags_intern(tags, name, (size_t)length);
}

/* The tags that speak of a subject; NULL without memory or room for names. */
static const struct verdict_names *names_of(struct verdicts *v, uint32_t subject) {
    if (subject >= v->room) {
        uint32_t room = pl_tags_count(pl_node_tags(v->node)) + 16;
        struct verdict_names *grown = pl_realloc(v->names, room * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + v->room, 0, (room - v->room) * sizeof *grown);
        v->names = grown;
        v->room = room;
    }
    struct verdict_names *names = &v->names[subject];
    if (names->score) return names;
    uint32_t score = intern(v, subject, "score");
    names->alarm = intern(v, subject, "alarm");
    names->changepoint = v->changepoints ? intern(v, subject, "changepoint") : 0;
    if (score == PL_NO_ID || names->alarm == PL_NO_ID || names->changepoint == PL_NO_ID) return NULL;
    names->score = score;
    return names;
}

static void put_row(struct pl_samples *rows, uint32_t *count, pl_time time, uint32_t tag, double value) {
    const uint32_t i = (*count)++;
    rows->time[i] = time;
    rows->tag[i] = tag;
    rows->value[i] = value;
    rows->quality[i] = PL_Q_GOOD;
}

bool verdicts_tell(struct verdicts *v, uint32_t subject, pl_time time, const struct verdict *verdict) {
    const struct verdict_names *names = names_of(v, subject);
    if (!names) return false;
    if (v->out && v->out->capacity - v->out->rows < VERDICT_TAGS &&
        pl_emit(v->node, VERDICT_OUT, &v->out) == PL_FLOW_FAIL)
        return false;
    if (!v->out) v->out = pl_node_batch(v->node, PL_SAMPLES, OUT_ROWS, 0);
    if (!v->out) return false;
    struct pl_samples *rows = &v->out->samples;
    put_row(rows, &v->out->rows, time, names->score, verdict_score(verdict->surprise, verdict->threshold));
    put_row(rows, &v->out->rows, time, names->alarm, verdict->alarm);
    if (v->changepoints) put_row(rows, &v->out->rows, time, names->changepoint, verdict->changepoint);
    return true;
}

/* ---- Events ---- */

static uint64_t hash(uint64_t h, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        h = (h ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The same in a replay: of node, subject, kind and time; of several that end at once also of when they began. */
static uint64_t event_id(const struct verdicts *v, const char *subject, const char *kind, pl_time time,
                         const pl_time *began) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const char *node = pl_node_name(v->node);
    h = hash(h, node, strlen(node) + 1);
    h = hash(h, subject, strlen(subject) + 1);
    h = hash(h, kind, strlen(kind) + 1);
    h = hash(h, &time, sizeof time);
    return began ? hash(h, began, sizeof *began) : h;
}

static void pack_tags(struct verdicts *v, const struct reason *reason) {
    pl_pack_str(v->body, "tags");
    pl_pack_array(v->body, reason->tags);
    for (unsigned i = 0; i < reason->tags; i++) {
        pl_pack_map(v->body, 2);
        pl_pack_pair_str(v->body, "tag", pl_tags_get(pl_node_tags(v->node), reason->tag[i])->name);
        pl_pack_pair_f64(v->body, "share", reason->share[i]);
    }
}

static void pack_body(struct verdicts *v, const struct episode *episode, const struct verdict *verdict,
                      const struct reason *reason, const char *how) {
    static const char *const sides[] = {"lower", "", "higher"};
    pl_pack_reset(v->body);
    pl_pack_map(v->body, how ? 14 : 12);
    pl_pack_pair_f64(v->body, "score", verdict_score(episode->peak, verdict->threshold));
    pl_pack_pair_f64(v->body, "threshold", 0.5);
    pl_pack_pair_f64(v->body, "surprise", episode->peak);
    pl_pack_pair_f64(v->body, "surprise_threshold", verdict->threshold);
    pl_pack_pair_f64(v->body, "size", (double)episode->size);
    pl_pack_pair_str(v->body, "what", reason->what ? reason->what : "");
    pl_pack_pair_str(v->body, "side", sides[(reason->side > 0) - (reason->side < 0) + 1]);
    pl_pack_pair_int(v->body, "start", episode->began);
    if (how) pl_pack_pair_int(v->body, "end", episode->last);
    if (how) pl_pack_pair_str(v->body, "how", how);
    pack_tags(v, reason);
    pl_pack_pair_str(v->body, "explanation", reason->explanation);
    pl_pack_pair_str(v->body, "cause", reason->cause);
    pl_pack_pair_str(v->body, "model", pl_node_model_name(v->node));
}

static struct pl_batch *event_batch(struct verdicts *v, uint32_t body) {
    struct pl_batch *out = v->events;
    bool full = out && (out->rows == out->capacity || body > out->heap_capacity[0] - out->heap_used[0]);
    if (full && pl_emit(v->node, VERDICT_EVENTS, &v->events) == PL_FLOW_FAIL) return NULL;
    if (!v->events) v->events = pl_node_batch(v->node, PL_EVENTS, EVENT_ROWS, body > EVENT_HEAP ? body : EVENT_HEAP);
    return v->events;
}

static bool say(struct verdicts *v, uint32_t subject, const char *kind, pl_time time, const pl_time *began,
                double score) {
    struct pl_tags *tags = pl_node_tags(v->node);
    const struct pl_tag *entry = pl_tags_get(tags, subject);
    uint32_t size = (uint32_t)pl_pack_size(v->body), kind_id = pl_tags_intern(tags, kind, strlen(kind));
    struct pl_batch *out = pl_pack_failed(v->body) || kind_id == PL_NO_ID ? NULL : event_batch(v, size);
    if (!out || !pl_batch_heap(out, 0, pl_pack_data(v->body), size)) return false;
    uint32_t i = out->rows++;
    out->events.time[i] = time;
    out->events.id[i] = event_id(v, entry->name, kind, time, began);
    out->events.kind[i] = kind_id;
    out->events.severity[i] = (uint16_t)(SEVERITY_LEAST + (SEVERITY_MOST - SEVERITY_LEAST) * fmax(2 * score - 1, 0));
    out->events.asset[i] = entry->asset && !v->of_assets ? entry->asset : subject;
    out->events.tag[i] = subject;
    out->events.end[i] = out->heap_used[0];
    return true;
}

bool verdicts_say(struct verdicts *v, uint32_t subject, const char *kind, pl_time time, double score) {
    return say(v, subject, kind, time, NULL, score);
}

/* How large it is; where the law has no limit the surprise says so itself. */
static float size_of(const struct verdict *verdict) {
    static const double most = 1e30;
    const double unlimited = verdict->surprise > TAIL_SURPRISE_MAX ? verdict->surprise : 0;
    return (float)fmin(verdict->size > 0 ? verdict->size : unlimited, most);
}

/* Steps that matter. They are of the greatest there was, so an alarm passes each once. */
static unsigned level_of(const struct episode *episode, double threshold) {
    static const double scores[] = {0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95};
    static const double beyond = 1.5; /* the surprise has come to its limit, but the size has not */
    enum { DOUBLINGS = 6 };
    const double score = verdict_score(episode->peak, threshold);
    unsigned level = 0;
    for (unsigned i = 0; i < sizeof scores / sizeof *scores; i++)
        level += score >= scores[i];
    for (unsigned i = 1; (double)episode->size > beyond * episode->peak && i <= DOUBLINGS; i++)
        level += (double)episode->size >= ldexp(TAIL_SURPRISE_MAX, (int)i);
    return level;
}

bool verdicts_begin(struct verdicts *v, uint32_t subject, struct episode *episode, pl_time time,
                    const struct verdict *verdict, const struct reason *reason) {
    *episode = (struct episode){
        .began = time, .last = time, .peak = verdict->surprise, .active = EPISODE_ON, .size = size_of(verdict)};
    if (!pl_wanted(v->node, VERDICT_EVENTS)) return true;
    pack_body(v, episode, verdict, reason, NULL);
    return verdicts_say(v, subject, "detect.began", time, verdict_score(episode->peak, verdict->threshold));
}

bool verdicts_go_on(struct verdicts *v, uint32_t subject, struct episode *episode, pl_time time,
                    const struct verdict *verdict, const struct reason *reason) {
    const unsigned before = level_of(episode, verdict->threshold);
    episode->last = time;
    episode->peak = fmax(episode->peak, verdict->surprise);
    episode->size = fmaxf(episode->size, size_of(verdict));
    if (level_of(episode, verdict->threshold) <= before || !pl_wanted(v->node, VERDICT_EVENTS)) return true;
    pack_body(v, episode, verdict, reason, NULL);
    return verdicts_say(v, subject, "detect.grew", time, verdict_score(episode->peak, verdict->threshold));
}

bool verdicts_end(struct verdicts *v, uint32_t subject, struct episode *episode, const struct verdict *verdict,
                  const struct reason *reason, enum verdict_ends how) {
    static const char *const words[] = {
        [ENDS_BACK] = "back", [ENDS_LASTING] = "lasts", [ENDS_REPLACED] = "replaced", [ENDS_OPEN] = "open"};
    episode->active = 0;
    if (!pl_wanted(v->node, VERDICT_EVENTS)) return true;
    pack_body(v, episode, verdict, reason, words[how]);
    const double score = verdict_score(episode->peak, verdict->threshold);
    return say(v, subject, "detect.ended", episode->last, &episode->began, score);
}

bool verdicts_flush(struct verdicts *v) {
    if (v->out && pl_emit(v->node, VERDICT_OUT, &v->out) == PL_FLOW_FAIL) return false;
    return !v->events || pl_emit(v->node, VERDICT_EVENTS, &v->events) != PL_FLOW_FAIL;
}
