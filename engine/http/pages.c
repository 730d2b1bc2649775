/* pages.c: cursors, and the rows that further pages of a list are taken from: a command is carried out once for all
 * pages, so that they are of one moment, and a long list is not made anew for each.
 *
 *     o120        from the 120th on          of what is kept as it stands, and is short
 *     s17.120     of the rows that were kept under 17; when they are not there any more, they are asked for again
 *     z...        a place in a zone of the lake (lake.c)
 *
 * Rows are kept for a minute behind their last page, for the user and the request that they were told to. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "http/rest_impl.h"

enum { KEPT = 32, BYTES = 32 << 20 /* of all */, ASKED = 2048 };
static const pl_time LIFE = 60 * PL_SECOND;

struct kept {
    uint64_t number; /* 0: free */
    char user[PL_USER_NAME_MAX + 1];
    char asked[ASKED]; /* path and arguments but for those of the page */
    struct pl__result result;
    pl_time used;
};

struct pl__pages {
    struct kept list[KEPT];
    uint64_t number;
    size_t bytes;
};

struct pl__pages *pl__pages_new(void) {
    return PL_NEW(struct pl__pages);
}

static void forget(struct pl__pages *pages, struct kept *kept) {
    pages->bytes -= kept->result.size;
    pl__result_free(&kept->result);
    *kept = (struct kept){.number = 0};
}

void pl__pages_free(struct pl__pages *pages) {
    for (unsigned i = 0; pages && i < KEPT; i++)
        forget(pages, &pages->list[i]);
    pl_free(pages);
}

void pl__pages_tick(struct pl__pages *pages) {
    pl_time now = pl_clock_monotonic();
    for (unsigned i = 0; i < KEPT; i++)
        if (pages->list[i].number && now - pages->list[i].used > LIFE) forget(pages, &pages->list[i]);
}

/* False: it is too long to be kept. */
static bool put_asked(const struct pl__call *call, char asked[ASKED]) {
    size_t used = (size_t)snprintf(asked, ASKED, "%s", call->request->path);
    for (unsigned i = 0; i < call->request->arguments && used < ASKED; i++) {
        const char *argument = call->request->argument[i];
        if (strncmp(argument, "cursor=", 7) == 0 || strncmp(argument, "limit=", 6) == 0) continue;
        used += (size_t)snprintf(asked + used, ASKED - used, "&%s", argument);
    }
    return used < ASKED;
}

static struct kept *oldest_of(struct pl__pages *pages) {
    struct kept *oldest = NULL;
    for (unsigned i = 0; i < KEPT; i++) {
        struct kept *kept = &pages->list[i];
        if (kept->number && (!oldest || kept->used < oldest->used)) oldest = kept;
    }
    return oldest;
}

static struct kept *make_room(struct pl__pages *pages, size_t size) {
    struct kept *place = NULL;
    while (size <= BYTES && pages->bytes + size > BYTES)
        forget(pages, oldest_of(pages));
    for (unsigned i = 0; i < KEPT && !place; i++)
        if (!pages->list[i].number) place = &pages->list[i];
    if (!place) forget(pages, place = oldest_of(pages));
    return size <= BYTES ? place : NULL;
}

void pl__pages_keep(struct pl__call *call, size_t next) {
    struct pl__pages *pages = call->rest->pages;
    struct kept *kept = make_room(pages, call->result.size);
    if (!kept || !put_asked(call, kept->asked)) { /* it is made anew */
        pl__next_offset(call, next);
        return;
    }
    kept->number = ++pages->number;
    kept->used = pl_clock_monotonic();
    kept->result = call->result;
    pages->bytes += kept->result.size;
    call->result = (struct pl__result){.code = PL_OK};
    snprintf(kept->user, sizeof kept->user, "%s", call->who.name);
    pl__next_kept(call, kept->number, next);
}

/* ---- Cursors ---- */

void pl__next_offset(struct pl__call *call, size_t next) {
    call->next_size = (size_t)snprintf(call->next, sizeof call->next, "o%zu", next);
}

static bool read_offset(struct pl__call *call, const char *text, size_t length) {
    int64_t number;
    if (!pl_text_int(text, length, &number) || number < 0 || number > PL__OFFSET_MAX) return false;
    call->offset = (size_t)number;
    return true;
}

bool pl__cursor_is_one(const char *sealed) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t length = strlen(sealed);
    return length && length <= PL__CURSOR_SEALED && strspn(sealed, letters) == length;
}

bool pl__cursor_read(struct pl__call *call, const char *sealed) {
    long size = pl_base64url_read(sealed, strlen(sealed), call->cursor, sizeof call->cursor - 1);
    if (size < 2) return false;
    call->cursor_size = (size_t)size;
    call->cursor[size] = 0;
    const char *text = call->cursor + 1, *dot = memchr(text, '.', (size_t)size - 1);
    int64_t number;
    if (call->cursor[0] == PL__CURSOR_PLACE) return call->route->places;
    if (call->route->places) return false;
    if (call->cursor[0] == PL__CURSOR_OFFSET) return read_offset(call, text, (size_t)size - 1);
    if (call->cursor[0] != PL__CURSOR_KEPT || !dot) return false;
    if (!pl_text_int(text, (size_t)(dot - text), &number) || number <= 0) return false;
    call->kept = (uint64_t)number;
    return read_offset(call, dot + 1, (size_t)(call->cursor + size - dot - 1));
}

bool pl__pages_find(struct pl__call *call, struct pl__result *result, uint64_t *number) {
    struct pl__pages *pages = call->rest->pages;
    char asked[ASKED];
    if (!call->kept || !put_asked(call, asked)) return false;
    for (unsigned i = 0; i < KEPT; i++) {
        struct kept *kept = &pages->list[i];
        if (kept->number != call->kept || strcmp(kept->user, call->who.name) != 0 || strcmp(kept->asked, asked) != 0)
            continue;
        kept->used = pl_clock_monotonic();
        *result = kept->result;
        *number = kept->number;
        return true;
    }
    return false;
}

void pl__next_kept(struct pl__call *call, uint64_t number, size_t next) {
    call->next_size = (size_t)snprintf(call->next, sizeof call->next, "s%" PRIu64 ".%zu", number, next);
}
