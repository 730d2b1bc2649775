/* ledger_share.c: the ledger's entries of all partitions, the same ones added up (store/ledger.h).
 *
 * An open account keeps two hours. Where it stands in several partitions, the two newest of all of them stay open and
 * the others are closed; each partition has closed only what is older than both of its own, so nothing is closed that
 * could be opened again.
 */
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "store/ledger_impl.h"

struct closing {
    char key[PL__LEDGER_KEY];
    size_t key_size;
    struct pl_ledger_hour hour;
    bool used;
};

struct sharing {
    struct pl_store *store;
    pl_ledger_sharer *each;
    void *arg;
    struct pl_store_iter **lanes; /* [partition]: each in order of its keys */
    unsigned count;
    struct closing *closing; /* hours that had to be closed */
    size_t closing_count, closing_room;
    struct pl_pack *pack;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to share out the ledger");
}

/* ---- Adding up ---- */

static void add_hour(struct pl_ledger_hour *to, const struct pl_ledger_hour *from) {
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        to->count[i] += from->count[i];
}

static bool close_hour(struct sharing *s, const struct pl_ledger_account *account, const struct pl_ledger_hour *hour) {
    if (hour->begin == PL_TIME_MIN) return true;
    if (s->closing_count == s->closing_room) {
        size_t room = s->closing_room ? 2 * s->closing_room : 16;
        struct closing *grown = pl_realloc(s->closing, room * sizeof *grown);
        if (!grown) return false;
        s->closing = grown;
        s->closing_room = room;
    }
    struct closing *closing = &s->closing[s->closing_count++];
    *closing = (struct closing){.hour = *hour};
    closing->key_size = pl__ledger_hour_key(closing->key, account, hour->begin);
    return true;
}

/* One more hour of an account, which keeps the two newest. */
static bool take_hour(struct sharing *s, struct pl_ledger_account *account, struct pl_ledger_hour hour) {
    for (unsigned i = 0; i < 2 && hour.begin != PL_TIME_MIN; i++) {
        struct pl_ledger_hour *kept = &account->hour[i], out = *kept;
        if (hour.begin == kept->begin) {
            add_hour(kept, &hour);
            return true;
        }
        if (hour.begin < kept->begin) continue;
        *kept = hour;
        hour = out;
    }
    return close_hour(s, account, &hour);
}

static bool add_account(struct sharing *s, struct pl_ledger_account *to, const struct pl_ledger_account *from) {
    if (from->last > to->last) to->last = from->last;
    return take_hour(s, to, from->hour[0]) && take_hour(s, to, from->hour[1]);
}

/* ---- All partitions at once ---- */

static int compare(const char *a, size_t a_size, const char *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_key(const void *one, const void *other) {
    const struct closing *a = one, *b = other;
    return compare(a->key, a->key_size, b->key, b->key_size);
}

static enum pl_code open_lane(struct sharing *s, unsigned partition, char sort, struct pl_error **error) {
    char begin[PL__LEDGER_FRONT + 2], end[sizeof begin];
    size_t size = pl__ledger_front(begin, (uint16_t)partition);
    begin[size++] = PL_STATE_RECORD;
    begin[size++] = sort;
    memcpy(end, begin, size);
    end[size - 1]++;
    enum pl_code code = pl_store_iter_new(s->store, PL_STORE_STATE, end, size, &s->lanes[partition], error);
    if (!code) pl_store_iter_seek(s->lanes[partition], begin, size);
    return code;
}

static void close_lanes(struct sharing *s) {
    for (unsigned p = 0; p < s->count; p++) {
        pl_store_iter_free(s->lanes[p]);
        s->lanes[p] = NULL;
    }
}

/* The lowest key of all lanes; false at the end. */
static bool find_lowest(const struct sharing *s, char key[PL__LEDGER_KEY], size_t *key_size) {
    bool any = false;
    for (unsigned p = 0; p < s->count; p++) {
        if (!pl_store_iter_valid(s->lanes[p])) continue;
        struct pl_state_entry entry = pl__ledger_entry(s->lanes[p]);
        if (entry.key_size > PL__LEDGER_KEY || (any && compare(entry.key, entry.key_size, key, *key_size) >= 0))
            continue;
        memcpy(key, entry.key, entry.key_size);
        *key_size = entry.key_size;
        any = true;
    }
    return any;
}

/* The entries of that key, added up; their lanes move on. */
static enum pl_code gather(struct sharing *s, const char *key, size_t key_size, struct pl__ledger_names *names,
                           struct pl_ledger_account *sum, struct pl_error **error) {
    bool any = false;
    for (unsigned p = 0; p < s->count; p++) {
        struct pl__ledger_names other_names;
        struct pl_ledger_account account;
        if (!pl_store_iter_valid(s->lanes[p])) continue;
        struct pl_state_entry entry = pl__ledger_entry(s->lanes[p]);
        if (compare(entry.key, entry.key_size, key, key_size) != 0) continue;
        enum pl_code code = pl__ledger_read(any ? &other_names : names, &entry, any ? &account : sum, error);
        if (code) return code;
        if (any && key[1] == PL__LEDGER_HOUR)
            add_hour(&sum->hour[0], &account.hour[0]);
        else if (any && !add_account(s, sum, &account))
            return no_memory(error);
        any = true;
        pl_store_iter_next(s->lanes[p]);
    }
    return PL_OK;
}

static enum pl_code give(struct sharing *s, const char *key, size_t key_size, const struct pl_ledger_account *account,
                         struct pl_error **error) {
    pl_pack_reset(s->pack);
    pl__ledger_pack(s->pack, account, key[1]);
    if (pl_pack_failed(s->pack)) return no_memory(error);
    struct pl_state_entry entry = {key, (uint32_t)key_size, pl_pack_data(s->pack), (uint32_t)pl_pack_size(s->pack)};
    return s->each(s->arg, account, &entry, error);
}

static void add_closing(const struct sharing *s, const char *key, size_t key_size, struct pl_ledger_hour *hour) {
    struct closing wanted = {.key_size = key_size};
    if (!s->closing_count) return;
    memcpy(wanted.key, key, key_size);
    struct closing *closing = bsearch(&wanted, s->closing, s->closing_count, sizeof wanted, by_key);
    if (!closing || closing->used) return;
    add_hour(hour, &closing->hour);
    closing->used = true;
}

static enum pl_code share_sort(struct sharing *s, char sort, struct pl_error **error) {
    char key[PL__LEDGER_KEY];
    size_t key_size = 0;
    enum pl_code code = PL_OK;
    for (unsigned p = 0; p < s->count && !code; p++)
        code = open_lane(s, p, sort, error);
    while (!code && find_lowest(s, key, &key_size)) {
        struct pl__ledger_names names;
        struct pl_ledger_account sum;
        code = gather(s, key, key_size, &names, &sum, error);
        if (code) break;
        if (sort == PL__LEDGER_HOUR) add_closing(s, key, key_size, &sum.hour[0]);
        code = give(s, key, key_size, &sum, error);
    }
    for (unsigned p = 0; p < s->count && !code; p++)
        code = pl_store_iter_check(s->lanes[p], error);
    close_lanes(s);
    return code;
}

/* Hours that no partition had closed. */
static enum pl_code give_closing(struct sharing *s, struct pl_error **error) {
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < s->closing_count && !code; i++) {
        struct closing *closing = &s->closing[i];
        struct pl__ledger_names names;
        struct pl_ledger_account account;
        if (closing->used) continue;
        account.hour[0] = closing->hour;
        pl_pack_reset(s->pack);
        pl__ledger_pack(s->pack, &account, PL__LEDGER_HOUR);
        if (pl_pack_failed(s->pack)) return no_memory(error);
        struct pl_state_entry entry = {closing->key, (uint32_t)closing->key_size, pl_pack_data(s->pack),
                                       (uint32_t)pl_pack_size(s->pack)};
        code = pl__ledger_read(&names, &entry, &account, error);
        if (!code) code = s->each(s->arg, &account, &entry, error);
    }
    return code;
}

/* The same hour may have been closed for several partitions of one account. */
static void sort_closing(struct sharing *s) {
    size_t kept = 0;
    if (!s->closing_count) return;
    qsort(s->closing, s->closing_count, sizeof *s->closing, by_key);
    for (size_t i = 1; i < s->closing_count; i++) {
        if (by_key(&s->closing[kept], &s->closing[i]) == 0)
            add_hour(&s->closing[kept].hour, &s->closing[i].hour);
        else
            s->closing[++kept] = s->closing[i];
    }
    s->closing_count = kept + 1;
}

enum pl_code pl_ledger_share(struct pl_store *store, unsigned partitions, pl_ledger_sharer *each, void *arg,
                             struct pl_error **error) {
    struct sharing s = {.store = store, .each = each, .arg = arg, .count = partitions, .pack = pl_pack_new()};
    s.lanes = pl_alloc((partitions + 1) * sizeof(struct pl_store_iter *));
    enum pl_code code = s.lanes && s.pack ? share_sort(&s, PL__LEDGER_ACCOUNT, error) : no_memory(error);
    sort_closing(&s);
    if (!code && s.lanes) code = share_sort(&s, PL__LEDGER_HOUR, error);
    if (!code) code = give_closing(&s, error);
    pl_pack_free(s.pack);
    pl_free(s.closing);
    pl_free((void *)s.lanes);
    return code;
}
