#include "store/ledger.h"

#include <endian.h>
#include <string.h>

#include <potline/tag.h>

#include "store/epochs.h"
#include "store/ledger_impl.h"
#include "store/space.h"

const char *const pl_ledger_names[PL_LEDGER_COUNTS] = {"expected", "accepted", "late",  "duplicate",
                                                       "rejected", "missing",  "unkept"};

enum { ACCOUNT = PL__LEDGER_ACCOUNT, HOUR = PL__LEDGER_HOUR, LETTER = 8, ACCOUNT_ITEMS = 3 };
enum { KEY_MAX = PL__LEDGER_KEY, FRONT_MAX = PL__LEDGER_FRONT };

pl_time pl_ledger_hour_of(pl_time time) {
    pl_time rest = time % PL_HOUR;
    if (rest >= 0) return time - rest;
    return time - rest < PL_TIME_MIN + PL_HOUR ? PL_TIME_MIN + 1 : time - rest - PL_HOUR;
}

/* ---- Keys and values ---- */

static size_t put_names(char *at, const struct pl_ledger_account *account) {
    const char *const names[] = {account->source, account->tag, account->cause};
    size_t size = 0;
    for (unsigned i = 0; i < 3; i++) {
        size_t length = strnlen(names[i], PL_NAME_MAX);
        memcpy(at + size, names[i], length);
        size += length;
        if (i < 2) at[size++] = 0;
    }
    return size;
}

static void put_time(char *at, pl_time time) {
    uint64_t number = htobe64((uint64_t)time ^ UINT64_C(1) << 63);
    memcpy(at, &number, sizeof number);
}

static void pack_hour(struct pl_pack *pack, const struct pl_ledger_hour *hour) {
    pl_pack_array(pack, 1 + PL_LEDGER_COUNTS);
    pl_pack_int(pack, hour->begin);
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        pl_pack_int(pack, hour->count[i]);
}

void pl__ledger_pack(struct pl_pack *pack, const struct pl_ledger_account *account, char sort) {
    if (sort == HOUR) {
        pack_hour(pack, &account->hour[0]);
        return;
    }
    pl_pack_array(pack, ACCOUNT_ITEMS);
    pl_pack_int(pack, account->last);
    pack_hour(pack, &account->hour[0]);
    pack_hour(pack, &account->hour[1]);
}

static void put_entry(struct pl_buffer *out, const char *key, size_t key_size, struct pl_pack *pack) {
    if (!pack || pl_pack_failed(pack))
        out->failed = true;
    else
        pl_state_put(out, key, (uint32_t)key_size, pl_pack_data(pack), (uint32_t)pl_pack_size(pack));
    pl_pack_free(pack);
}

void pl_ledger_put_account(struct pl_buffer *out, const struct pl_ledger_account *account) {
    char key[KEY_MAX] = {PL_STATE_RECORD, ACCOUNT};
    size_t size = 2 + put_names(key + 2, account);
    struct pl_pack *pack = pl_pack_new();
    if (pack) pl__ledger_pack(pack, account, ACCOUNT);
    put_entry(out, key, size, pack);
}

size_t pl__ledger_hour_key(char key[KEY_MAX], const struct pl_ledger_account *account, pl_time begin) {
    key[0] = PL_STATE_RECORD;
    key[1] = HOUR;
    put_time(key + 2, begin);
    return 2 + sizeof(uint64_t) + put_names(key + 2 + sizeof(uint64_t), account);
}

void pl_ledger_put_hour(struct pl_buffer *out, const struct pl_ledger_account *account,
                        const struct pl_ledger_hour *hour, uint64_t letter) {
    char key[KEY_MAX];
    size_t size = pl__ledger_hour_key(key, account, hour->begin);
    if (letter) {
        uint64_t id = htobe64(letter);
        key[size++] = 0;
        memcpy(key + size, &id, LETTER);
        size += LETTER;
    }
    struct pl_pack *pack = pl_pack_new();
    if (pack) pack_hour(pack, hour);
    put_entry(out, key, size, pack);
}

static bool unpack_hour(struct pl_unpack *unpack, struct pl_ledger_hour *hour) {
    uint32_t items;
    bool good = pl_unpack_array(unpack, &items) && items == 1 + PL_LEDGER_COUNTS && pl_unpack_int(unpack, &hour->begin);
    for (unsigned i = 0; good && i < PL_LEDGER_COUNTS; i++)
        good = pl_unpack_int(unpack, &hour->count[i]);
    return good;
}

/* ---- Reading ---- */

struct walk {
    pl_ledger_account_visitor *each;
    void *arg;
    struct pl__ledger_names names;
};

/* Three names with a 0 behind each, the last one's may be missing. */
static bool read_names(struct pl__ledger_names *names, const char *at, const char *end) {
    for (unsigned i = 0; i < 3; i++) {
        const char *stop = memchr(at, 0, (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at);
        if (length > PL_NAME_MAX || (i < 2 && stop == end)) return false;
        memcpy(names->name[i], at, length);
        names->name[i][length] = 0;
        at = stop < end ? stop + 1 : end;
    }
    return true;
}

static enum pl_code damaged(struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "the ledger is damaged: an entry cannot be read");
}

enum pl_code pl__ledger_read(struct pl__ledger_names *names, const struct pl_state_entry *entry,
                             struct pl_ledger_account *account, struct pl_error **error) {
    struct pl_unpack unpack;
    uint32_t items;
    const char *key = entry->key;
    bool hour = entry->key_size > 1 && key[1] == HOUR;
    size_t front = hour ? 2 + sizeof(uint64_t) : 2;
    if (entry->key_size < front || !read_names(names, key + front, key + entry->key_size)) return damaged(error);
    *account = (struct pl_ledger_account){.source = names->name[0], .tag = names->name[1], .cause = names->name[2]};
    account->last = account->hour[0].begin = account->hour[1].begin = PL_TIME_MIN;
    pl_unpack_init(&unpack, entry->value, entry->value_size);
    bool good = hour ? unpack_hour(&unpack, &account->hour[0])
                     : pl_unpack_array(&unpack, &items) && items == ACCOUNT_ITEMS &&
                           pl_unpack_int(&unpack, &account->last) && unpack_hour(&unpack, &account->hour[0]) &&
                           unpack_hour(&unpack, &account->hour[1]);
    return good ? PL_OK : damaged(error);
}

size_t pl__ledger_front(char front[FRONT_MAX], uint16_t partition) {
    uint16_t p = htobe16(partition);
    front[0] = 's';
    memcpy(front + 1, PL_LEDGER_NODE, sizeof PL_LEDGER_NODE);
    memcpy(front + 1 + sizeof PL_LEDGER_NODE, &p, sizeof p);
    return FRONT_MAX;
}

struct pl_state_entry pl__ledger_entry(const struct pl_store_iter *iter) {
    size_t key_size, size;
    const char *key = pl_store_iter_key(iter, &key_size);
    const void *value = pl_store_iter_value(iter, &size);
    return (struct pl_state_entry){key + FRONT_MAX, (uint32_t)(key_size - FRONT_MAX), value, (uint32_t)size};
}

/* Every entry of one sort in the partition; of hours, those that begin in from <= time < to. */
static enum pl_code walk_sort(struct walk *walk, struct pl_store *store, uint16_t partition, char sort, pl_time from,
                              pl_time to, struct pl_error **error) {
    char begin[FRONT_MAX + 2 + sizeof(uint64_t)], end[FRONT_MAX + 2 + sizeof(uint64_t)];
    size_t size = pl__ledger_front(begin, partition), end_size = size + 2;
    begin[size++] = PL_STATE_RECORD;
    begin[size++] = sort;
    memcpy(end, begin, size);
    end[size - 1] = (char)(sort + 1);
    if (sort == HOUR) {
        put_time(begin + size, from);
        if (to != PL_TIME_MAX) {
            end[size - 1] = sort;
            put_time(end + size, to);
            end_size += sizeof(uint64_t);
        }
        size += sizeof(uint64_t);
    }
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_STATE, end, end_size, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, begin, size); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        struct pl_ledger_account account;
        struct pl_state_entry entry = pl__ledger_entry(iter);
        code = pl__ledger_read(&walk->names, &entry, &account, error);
        if (!code) code = walk->each(walk->arg, &account, error);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl_ledger_accounts(struct pl_store *store, uint16_t partition, pl_ledger_account_visitor *each, void *arg,
                                struct pl_error **error) {
    struct walk walk = {.each = each, .arg = arg};
    return walk_sort(&walk, store, partition, ACCOUNT, PL_TIME_MIN, PL_TIME_MAX, error);
}

/* How many partitions the last epoch has. */
static enum pl_code count_partitions(struct pl_store *store, unsigned *partitions, struct pl_error **error) {
    struct pl_epoch last;
    *partitions = 0;
    enum pl_code code = pl_epochs_last(store, &last, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    *partitions = last.partitions;
    pl_epoch_fini(&last);
    return PL_OK;
}

enum pl_code pl__ledger_walk(struct pl_store *store, pl_time from, pl_time to, pl_ledger_account_visitor *each,
                             void *arg, struct pl_error **error) {
    struct walk walk = {.each = each, .arg = arg};
    unsigned partitions;
    enum pl_code code = count_partitions(store, &partitions, error);
    for (unsigned p = 0; p < partitions && !code; p++) {
        code = walk_sort(&walk, store, (uint16_t)p, HOUR, from, to, error);
        if (!code) code = walk_sort(&walk, store, (uint16_t)p, ACCOUNT, from, to, error);
    }
    return code;
}

enum pl_code pl_ledger_trim(struct pl_store *store, pl_time before, struct pl_error **error) {
    unsigned partitions;
    enum pl_code code = count_partitions(store, &partitions, error);
    for (unsigned p = 0; p < partitions && !code; p++) {
        char begin[FRONT_MAX + 2 + sizeof(uint64_t)], end[sizeof begin];
        size_t size = pl__ledger_front(begin, (uint16_t)p);
        begin[size++] = PL_STATE_RECORD;
        begin[size++] = HOUR;
        memcpy(end, begin, size);
        put_time(begin + size, PL_TIME_MIN);
        put_time(end + size, before);
        code = pl_store_range_delete(store, PL_STORE_STATE,
                                     &(struct pl_store_range){begin, sizeof begin, end, sizeof end}, error);
    }
    return code;
}
