#include "lines.h"

#include <potline/alloc.h>

/* The walk through a line: the name so far, and what it has found. */
struct walk {
    struct pl_lines *lines;
    struct pl__line *line;
    struct pl__found found;
    uint32_t length; /* of lines->name so far, asset and dots included */
};

/* Marks the tag as seen in this line. */
static enum pl__line_state mark(struct pl_lines *l, uint32_t tag) {
    if (PL_UNLIKELY(tag >= l->seen_room)) {
        uint32_t room = pl_tags_count(l->values.tags) + 64;
        uint64_t *made = pl_realloc(l->seen, room * sizeof(*made));
        if (!made) return PL__LINE_FAILED;
        memset(made + l->seen_room, 0, (room - l->seen_room) * sizeof(*made));
        l->seen = made;
        l->seen_room = room;
    }
    if (l->seen[tag] == l->serial) return pl__line_refuse(l, PL_LINES_TWICE, "a tag stands there twice");
    l->seen[tag] = l->serial;
    return PL__LINE_GOOD;
}

static enum pl__line_state put(struct walk *w, uint32_t tag, const struct pl__token *token) {
    struct pl__line *line = w->line;
    uint16_t quality;
    double value;
    if (token->type == PL__NULL && w->lines->shape->empty == PL_EMPTY_SKIP) return PL__LINE_GOOD;
    if (!pl__line_value(w->lines, tag, token, &value, &quality))
        return pl__line_refuse_text(w->lines, PL_LINES_TOO_LARGE, "too large a number:", token->text, token->length);
    if (line->row < line->capacity) {
        line->to->tag[line->row] = tag;
        line->to->value[line->row] = value;
        line->to->quality[line->row] = quality;
    }
    line->row++;
    return PL__LINE_GOOD;
}

/* A field of any name is a tag. */
static enum pl__line_state read_series(struct walk *w, const char *key, uint32_t length) {
    struct pl_lines *l = w->lines;
    struct pl__token token;
    uint32_t tag = PL_NO_ID;
    if (!pl__token_read(&w->line->json, &token)) return pl__line_refuse_json(l, w->line);
    if (w->length == 0) {
        tag = pl_names_find(&l->names, key, length);
    } else if (w->length + length <= PL__NAME_ROOM) {
        memcpy(w->lines->name + w->length, key, length);
        tag = pl_names_find(&l->names, w->lines->name, w->length + length);
    }
    if (tag == PL_NAMES_LEFT_OUT) {
        l->values.counts.left_out++;
        return PL__LINE_GOOD;
    }
    if (tag == PL_NO_ID)
        return pl__line_refuse_text(l, PL_LINES_NO_TAG, "cannot be a tag, or is beyond max_tags:", key, length);
    enum pl__line_state state = mark(l, tag);
    return state == PL__LINE_GOOD ? put(w, tag, &token) : state;
}

static enum pl__line_state read_object(struct walk *w, struct pl__branch branch);

/* An object's members have its name before theirs. */
static enum pl__line_state read_inner(struct walk *w, const char *key, uint32_t length, struct pl__branch branch) {
    uint32_t outer = w->length;
    if (outer + length + 1 > PL__NAME_ROOM)
        return pl__line_refuse_text(w->lines, PL_LINES_NO_TAG, "too long a name:", key, length);
    memcpy(w->lines->name + outer, key, length);
    w->lines->name[outer + length] = '.';
    w->length = outer + length + 1;
    enum pl__line_state state = read_object(w, branch);
    w->length = outer;
    return state;
}

static enum pl__line_state read_field(struct walk *w, unsigned role) {
    struct pl__token token;
    if (!pl__token_read(&w->line->json, &token)) return pl__line_refuse_json(w->lines, w->line);
    if (pl__found_enter(&w->found, role, &token)) return PL__LINE_GOOD;
    return pl__line_refuse(w->lines, PL_LINES_TWICE, "a field stands there twice");
}

static enum pl__line_state read_object(struct walk *w, struct pl__branch branch) {
    struct pl_json *json = &w->line->json;
    if (!pl_json_enter(json, '{')) return pl__line_refuse_json(w->lines, w->line);
    while (pl_json_more(json, '}')) {
        const char *key;
        size_t length;
        struct pl__branch behind;
        enum pl__line_state state;
        if (!pl_json_key(json, &key, &length)) return pl__line_refuse_json(w->lines, w->line);
        int role = pl__fields_role(&w->lines->fields, branch, key, (uint32_t)length, &behind);
        if (role != PL__NO_ROLE) {
            state = read_field(w, (unsigned)role);
        } else if (pl_json_peek(json) == '{') {
            state = read_inner(w, key, (uint32_t)length, behind); /* as deep as PL_JSON_DEPTH */
        } else {
            state = read_series(w, key, (uint32_t)length);
        }
        if (state != PL__LINE_GOOD) return state;
    }
    return json->failed ? pl__line_refuse_json(w->lines, w->line) : PL__LINE_GOOD;
}

/* The asset stands before every name, but may come behind them in the line: looked for first, by itself. */
static enum pl__line_state begin_with_asset(struct walk *w) {
    struct pl_lines *l = w->lines;
    struct pl__line *line = w->line;
    struct pl__found found = {.there = 0};
    struct pl_json json = line->json;
    enum pl__search search =
        pl__fields_search(&l->fields, &line->json, (struct pl__branch){1u << PL__ASSET, 0}, &found);
    if (search == PL__SEARCH_TWICE) return pl__line_refuse(l, PL_LINES_TWICE, "the asset stands there twice");
    if (search == PL__SEARCH_FAILED) return pl__line_refuse_json(l, line);
    if (!pl__line_asset(l, &found, &w->length)) return pl__line_refuse(l, PL_LINES_NO_TAG, "no asset");
    line->json = json;
    return PL__LINE_GOOD;
}

enum pl__line_state pl__line_wide(struct pl_lines *l, struct pl__line *line) {
    struct walk w = {.lines = l, .line = line};
    uint32_t first = line->row;
    pl_time time;
    enum pl__line_state state = l->shape->asset[0] ? begin_with_asset(&w) : PL__LINE_GOOD;
    if (state == PL__LINE_GOOD) state = read_object(&w, (struct pl__branch){l->fields.looked_for, 0});
    if (state == PL__LINE_GOOD && !pl_json_end(&line->json)) state = pl__line_refuse_json(l, line);
    if (state == PL__LINE_GOOD) state = pl__line_time(l, &w.found, &time);
    if (state != PL__LINE_GOOD) {
        line->row = first;
        return state;
    }
    for (uint32_t row = first; row < line->row && row < line->capacity; row++)
        line->to->time[row] = time;
    return PL__LINE_GOOD;
}
