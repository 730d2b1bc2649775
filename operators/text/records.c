#include "records.h"

#include <potline/alloc.h>

/* Breaks and bytes indexed at a time: they stay in the first two caches, and when a broken record makes the scan begin
 * anew, little was in vain. The stride begins short and doubles. */
enum {
    PORTION = 1024,
    INDEX_ROOM = 1 + PL_FIELDS_MAX + PORTION + PL_SCAN_ROOM,
    STRIDE_FIRST = 4096,
    STRIDE_MAX = 65536,
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* ---- Blanks as delimiters ---- */

/* Drops the breaks that only separate blanks: those before a record's first field, between two blanks, and before its
 * line end. What is left of the run belongs to a field, and is trimmed where fields are read. */
static uint32_t merge_blanks(const struct pl_records *r, uint32_t *ends, uint32_t first, uint32_t count) {
    uint32_t kept = first;
    for (uint32_t i = first; i < count; i++) {
        uint32_t at = ends[i];
        uint32_t begin = kept ? ends[kept - 1] + 1 : r->from;
        bool field_is_blank = true;
        for (uint32_t b = at; b > begin && field_is_blank; b--)
            field_is_blank = is_blank(r->bytes[b - 1]) || r->bytes[b - 1] == '\r';
        bool line_end = r->bytes[at] == '\n';
        bool record_begins = kept == 0 || r->bytes[ends[kept - 1]] == '\n';
        if (field_is_blank && !line_end) continue;
        if (field_is_blank && line_end && !record_begins) kept--;
        ends[kept++] = at;
    }
    return kept;
}

/* ---- The index ---- */

/* Forgets what was indexed: the scan begins anew at `at`, a record's first byte. */
static void drop_index(struct pl_records *r, uint32_t at) {
    r->from = at;
    r->head = r->whole = r->count = 0;
    r->index[-1] = at - 1;
    r->stride = STRIDE_FIRST;
    r->scan.hidden = 0;
    pl_scan_restart(&r->scan, at);
}

static void forget_taken(struct pl_records *r) {
    uint32_t left = r->count - r->head;
    memmove(r->index, r->index + r->head, left * sizeof(*r->index));
    r->head = r->whole = 0;
    r->count = left;
    r->index[-1] = r->from - 1;
}

/* Indexes another portion. True when a whole record is in it. */
static bool index_portion(struct pl_records *r) {
    uint32_t first = r->count, least = first;
    uint32_t to = r->to - r->scan.at > r->stride ? r->scan.at + r->stride : r->to;
    if (r->stride < STRIDE_MAX) r->stride *= 2;
    r->count += pl_scan_index(&r->scan, r->bytes, to, r->index + first, PORTION + PL_SCAN_ROOM);
    if (r->blank_delimited) {
        r->count = merge_blanks(r, r->index, first, r->count);
        least -= first > 0; /* it may have replaced the break before */
    }
    uint32_t whole = r->count;
    while (whole > least && r->bytes[r->index[whole - 1]] != '\n')
        whole--;
    r->whole = whole > least ? whole : 0;
    return r->whole > 0;
}

/* ---- What cannot be a record ---- */

const char *pl_records_line(const struct pl_records *r, uint32_t *length) {
    const char *text = r->bytes + r->from, *end = memchr(text, '\n', r->to - r->from);
    *length = end ? (uint32_t)(end - text) : r->to - r->from;
    if (*length && text[*length - 1] == '\r') --*length;
    return text;
}

void pl_records_take_line(struct pl_records *r) {
    const char *end = memchr(r->bytes + r->from, '\n', r->to - r->from);
    r->dropping = !end;
    r->line += end != NULL;
    drop_index(r, end ? (uint32_t)(end - r->bytes) + 1 : r->to);
}

/* A line end that is no break is inside quotes: the record began with its first line and went on for too long. It only
 * counts within the limit, so that what is told does not depend on how much of the text is there. */
enum pl_records_state pl_records_refuse(const struct pl_records *r) {
    const char *end = memchr(r->bytes + r->from, '\n', r->to - r->from);
    uint32_t at = end ? (uint32_t)(end - r->bytes) : r->to;
    if (at >= r->scan.at || at - r->from > r->limit) return PL_RECORDS_TOO_LONG;
    for (uint32_t i = r->head; i < r->count && r->index[i] <= at; i++) {
        if (r->index[i] == at) return PL_RECORDS_TOO_LONG;
    }
    return PL_RECORDS_OPEN;
}

void pl_records_count_hidden(struct pl_records *r, uint32_t from, uint32_t end) {
    const char *at = r->bytes + from;
    while ((at = memchr(at, '\n', (size_t)(r->bytes + end - at)))) {
        at++;
        r->line++;
        r->scan.hidden--;
    }
}

/* ---- Records ---- */

static enum pl_records_state start(struct pl_records *r) {
    const unsigned char *first = (const unsigned char *)r->bytes + r->from;
    uint32_t there = r->to - r->from;
    if (there < 3 && !r->ended) return PL_RECORDS_MORE;
    if (there >= 2 && ((first[0] == 0xff && first[1] == 0xfe) || (first[0] == 0xfe && first[1] == 0xff))) {
        return PL_RECORDS_UTF16;
    }
    r->started = true;
    if (there >= 3 && memcmp(first, "\xef\xbb\xbf", 3) == 0) drop_index(r, r->from + 3);
    return PL_RECORDS_ONE;
}

/* What is left when all is indexed and no record is whole. */
static enum pl_records_state leftover(struct pl_records *r) {
    if (!r->ended) return PL_RECORDS_MORE;
    if (r->from == r->to) return PL_RECORDS_END;
    if (r->bytes[r->to - 1] == '\n') return PL_RECORDS_OPEN;
    r->bytes[r->to++] = '\n'; /* space for it is kept */
    r->made_end = true;
    return PL_RECORDS_ONE;
}

enum pl_records_state pl_records_refill(struct pl_records *r) {
    if (!r->started) {
        enum pl_records_state state = start(r);
        if (state != PL_RECORDS_ONE) return state;
    }
    if (r->dropping) pl_records_take_line(r);
    if (r->dropping && r->ended) { /* the last line needs no line end */
        r->dropping = false;
        r->line++;
    }
    forget_taken(r);
    while (r->scan.at - r->from <= r->limit && r->count < PL_FIELDS_MAX) {
        if (r->scan.at < r->to) {
            if (index_portion(r)) return PL_RECORDS_ONE;
        } else {
            enum pl_records_state state = leftover(r);
            if (state != PL_RECORDS_ONE) return state;
        }
    }
    return pl_records_refuse(r);
}

enum pl_records_state pl_records_skip_line(struct pl_records *r) {
    if (!r->started) {
        enum pl_records_state state = start(r);
        if (state != PL_RECORDS_ONE) return state;
    }
    bool all = r->ended || memchr(r->bytes + r->from, '\n', r->to - r->from) != NULL;
    if (!all && r->to - r->from <= r->limit) return PL_RECORDS_MORE;
    if (r->from == r->to) return PL_RECORDS_END;
    pl_records_take_line(r);
    if (!r->dropping) return PL_RECORDS_ONE;
    return r->ended ? PL_RECORDS_END : PL_RECORDS_MORE;
}

/* ---- Life cycle and buffer ---- */

bool pl_records_init(struct pl_records *r, const struct pl_records_setup *setup) {
    bool blanks = setup->delimiter == ' ';
    *r = (struct pl_records){.limit = setup->limit, .capacity = setup->capacity, .blank_delimited = blanks};
    r->scan.delimiter = setup->delimiter;
    r->scan.blank = blanks ? '\t' : setup->delimiter;
    r->scan.quote = setup->quote;
    r->scan.multiline = setup->multiline;
    pl_scan_init(&r->scan, PL_SCAN_BEST);
    r->bytes = pl_alloc(setup->capacity + 1 + PL_SLACK);
    r->index_block = pl_alloc(INDEX_ROOM * sizeof(*r->index));
    if (!r->bytes || !r->index_block) return false;
    r->index = r->index_block + 1;
    pl_records_restart(r, 0, 1);
    return true;
}

void pl_records_fini(struct pl_records *r) {
    pl_free(r->bytes);
    pl_free(r->index_block);
    r->bytes = NULL;
    r->index_block = NULL;
}

void pl_records_restart(struct pl_records *r, uint64_t offset, uint64_t line) {
    drop_index(r, 0);
    r->to = 0;
    r->started = offset > 0;
    r->dropping = r->ended = r->made_end = false;
    r->offset = offset;
    r->line = line;
}

/* Moves what is not taken yet to the buffer's begin. */
static void compact(struct pl_records *r) {
    uint32_t by = r->from;
    memmove(r->bytes, r->bytes + by, r->to - by);
    for (uint32_t i = r->head; i < r->count; i++)
        r->index[i] -= by;
    pl_scan_shift(&r->scan, by);
    r->from = 0;
    r->to -= by;
    r->offset += by;
}

static bool grow(struct pl_records *r) {
    uint64_t most = (uint64_t)r->limit + STRIDE_MAX, wanted = 2 * (uint64_t)r->capacity;
    uint32_t capacity = (uint32_t)(wanted < most ? wanted : most);
    char *bytes = pl_realloc(r->bytes, capacity + 1 + PL_SLACK);
    if (!bytes) return false;
    memset(bytes + r->to, 0, capacity + 1 + PL_SLACK - r->to);
    r->bytes = bytes;
    r->capacity = capacity;
    return true;
}

char *pl_records_space(struct pl_records *r, size_t *room) {
    if (r->from && (r->from == r->to || r->capacity - r->to < r->capacity / 2)) compact(r);
    if (r->to == r->capacity && r->head == r->whole && !grow(r)) return NULL;
    *room = r->capacity - r->to;
    return r->bytes + r->to;
}

void pl_records_filled(struct pl_records *r, size_t count) {
    r->to += (uint32_t)count;
}

void pl_records_end(struct pl_records *r) {
    r->ended = true;
}

uint32_t pl_records_unquote(const char *text, uint32_t length, char quote, char *out) {
    const char *end = text + length;
    uint32_t n = 0;
    for (text++; text < end; text++) {
        if (*text == quote && (++text == end || *text != quote)) return text == end ? n : UINT32_MAX;
        out[n++] = *text;
    }
    return UINT32_MAX;
}
