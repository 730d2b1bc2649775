#include "rejects.h"

#include <inttypes.h>

#include "utf8.h"

enum { SEVERITY = 300, SHOWN_TEXT = 120 };

static void show(struct pl_node *node, const char *file, const struct pl_reject *reject, bool last) {
    struct pl_diag_site fresh = {0}; /* they come in a bunch, and the few there are shall all be seen */
    char text[SHOWN_TEXT + 1];
    uint32_t length = reject->length < SHOWN_TEXT ? reject->length : SHOWN_TEXT;
    for (uint32_t i = 0; i < length; i++)
        text[i] = reject->text[i] < ' ' || reject->text[i] > '~' ? '?' : reject->text[i];
    text[length] = 0;
    pl_diag_write(&fresh, node, PL_WARN, "%s:%" PRIu64 ": %s: %s%s%s", file, reject->line, reject->reason, text,
                  length < reject->length ? "..." : "", last ? " (more like this are only counted)" : "");
}

static enum pl_flow emit(struct pl_rejects *rejects, struct pl_node *node, unsigned port, const char *file,
                         const struct pl_reject *reject, pl_time time) {
    uint32_t length = reject->length < PL_REJECTS_TEXT_MAX ? reject->length : PL_REJECTS_TEXT_MAX;
    if (!rejects->body && !(rejects->body = pl_pack_new())) return pl_fail(node, "no memory for an event");
    struct pl_pack *body = rejects->body;
    pl_pack_reset(body);
    pl_pack_map(body, 4);
    pl_pack_pair_str(body, "file", file);
    pl_pack_pair_int(body, "line", (int64_t)reject->line);
    pl_pack_pair_str(body, "reason", reject->reason);
    pl_pack_str(body, "text");
    if (pl_is_utf8(reject->text, length))
        pl_pack_strn(body, reject->text, length);
    else
        pl_pack_bin(body, reject->text, length);
    return pl_emit_event(node, port, time, PL_REJECTS_KIND, SEVERITY, 0, 0, body);
}

static void keep(struct pl_node *node, const char *file, const struct pl_reject *reject, pl_time time) {
    char place[PL_LETTER_TEXT_MAX + 1];
    snprintf(place, sizeof place, "%.*s:%" PRIu64, PL_LETTER_TEXT_MAX - 24, file, reject->line);
    struct pl_letter letter = {.place = place,
                               .cause = reject->word ? reject->word : "malformed",
                               .reason = reject->reason,
                               .bytes = reject->text,
                               .size = reject->length,
                               .cut = reject->cut,
                               .tag = reject->tag,
                               .samples = reject->samples,
                               .time = time ? time : PL_TIME_MIN}; /* of no row yet: now */
    pl_letter(node, &letter);
}

enum pl_flow pl_rejects_take(struct pl_rejects *rejects, struct pl_node *node, unsigned port, const char *file,
                             const struct pl_reject *reject, pl_time time) {
    keep(node, file, reject, time);
    if (rejects->shown < PL_REJECTS_SHOWN) show(node, file, reject, ++rejects->shown == PL_REJECTS_SHOWN);
    return pl_wanted(node, port) ? emit(rejects, node, port, file, reject, time) : PL_FLOW_OK;
}

void pl_rejects_fini(struct pl_rejects *rejects) {
    pl_pack_free(rejects->body);
    rejects->body = NULL;
}
