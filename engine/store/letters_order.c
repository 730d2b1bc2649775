/* letters_order.c: letters that are to be given to their source again (letters.h). */
#include <endian.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/buffer.h"
#include "store/letters_impl.h"

enum { CHECKSUM = 8, ITEMS = 8, ORDER_BYTES_MAX = PL_LETTER_MAX + (8 << 10) };
static const char front[] = "$letters"; /* and its 0 */
enum { FRONT = sizeof front + 1, KEY = FRONT + sizeof(uint64_t) };

/* ---- Keys and values ---- */

static size_t order_key(char key[KEY], uint64_t number) {
    uint64_t n = htobe64(number);
    memcpy(key, front, sizeof front);
    key[sizeof front] = 'q';
    memcpy(key + FRONT, &n, sizeof n);
    return KEY;
}

static size_t counter_key(char key[KEY]) {
    memcpy(key, front, sizeof front);
    key[sizeof front] = 'n';
    return FRONT;
}

static enum pl_code put(struct pl_store *store, rocksdb_writebatch_t *writes, const char *key, size_t key_size,
                        const struct pl_pack *pack, struct pl_error **error) {
    struct pl_buffer bytes;
    if (pl_pack_failed(pack)) return pl_error_set(error, PL_NO_MEMORY, "no memory for an order");
    pl_buffer_init(&bytes, ORDER_BYTES_MAX);
    uint64_t checksum = pl_store_checksum(key, key_size, pl_pack_data(pack), pl_pack_size(pack));
    pl_buffer_put(&bytes, &checksum, sizeof checksum);
    pl_buffer_put(&bytes, pl_pack_data(pack), pl_pack_size(pack));
    bool failed = pl_buffer_failed(&bytes);
    if (!failed) rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_KEPT], key, key_size, bytes.data, bytes.size);
    pl_buffer_fini(&bytes);
    return failed ? pl_error_set(error, PL_LIMIT, "an order is too large, or there is no memory") : PL_OK;
}

static enum pl_code damaged(const struct pl_store *store, struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "%s: an order to give a letter in again is damaged", store->path);
}

/* Behind the checksum, when it is right. */
static bool open_value(const char *key, size_t key_size, const char *value, size_t size, struct pl_unpack *unpack) {
    uint64_t checksum;
    if (size < CHECKSUM) return false;
    memcpy(&checksum, value, sizeof checksum);
    pl_unpack_init(unpack, value + CHECKSUM, size - CHECKSUM);
    return checksum == pl_store_checksum(key, key_size, value + CHECKSUM, size - CHECKSUM);
}

static bool text_at(struct pl_unpack *unpack, const char **text, size_t *length) {
    return pl_unpack_str(unpack, text, length) && *length <= PL_LETTER_TEXT_MAX;
}

/* Texts are not ended with 0. */
struct raw {
    struct pl_letter_order order;
    size_t source_length, cause_length, tag_length;
};

static bool read_order(const char *key, size_t key_size, const char *value, size_t size, struct raw *raw) {
    struct pl_letter_order *order = &raw->order;
    struct pl_unpack unpack;
    uint32_t items;
    uint64_t number;
    if (key_size != KEY || !open_value(key, key_size, value, size, &unpack)) return false;
    memcpy(&number, key + FRONT, sizeof number);
    order->number = be64toh(number);
    return pl_unpack_array(&unpack, &items) && items == ITEMS &&
           text_at(&unpack, &order->source, &raw->source_length) && pl_unpack_uint(&unpack, &order->letter) &&
           pl_unpack_int(&unpack, &order->time) && pl_unpack_int(&unpack, &order->near) &&
           pl_unpack_int(&unpack, &order->samples) && text_at(&unpack, &order->cause, &raw->cause_length) &&
           text_at(&unpack, &order->tag, &raw->tag_length) && pl_unpack_bin(&unpack, &order->bytes, &order->size);
}

/* ---- Walking over orders ---- */

typedef enum pl_code visit_order(void *arg, const struct raw *raw, size_t size, struct pl_error **error);

static enum pl_code walk(struct pl_store *store, uint64_t after, visit_order *visit, void *arg,
                         struct pl_error **error) {
    char begin[KEY], end[FRONT];
    size_t size = order_key(begin, after + 1);
    memcpy(end, begin, FRONT);
    end[FRONT - 1]++;
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_KEPT, end, FRONT, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, begin, size); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        struct raw raw = {.order.block = NULL};
        size_t key_size, value_size;
        const char *key = pl_store_iter_key(iter, &key_size), *value = pl_store_iter_value(iter, &value_size);
        code = read_order(key, key_size, value, value_size, &raw) ? visit(arg, &raw, value_size, error)
                                                                  : damaged(store, error);
    }
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

static enum pl_code note_order(void *arg, const struct raw *raw, size_t size, struct pl_error **error) {
    struct pl_letters *letters = arg;
    letters->order_bytes += size;
    struct pl__letter_event event = {.letter = raw->order.letter, .number = raw->order.number};
    if (pl__letter_event_add(&letters->orders, &event)) return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for dead letters");
}

enum pl_code pl__letter_orders_read(struct pl_letters *letters, struct pl_error **error) {
    return walk(letters->store, 0, note_order, letters, error);
}

/* ---- Taking one ---- */

struct next {
    const char *source;
    struct pl_letter_order *order;
};

/* One block: the texts, each with a 0 behind it, then the bytes. */
static bool copy_order(const struct raw *raw, struct pl_letter_order *order) {
    size_t texts = raw->source_length + raw->cause_length + raw->tag_length + 3;
    char *at = pl_alloc(texts + raw->order.size + 1);
    if (!at) return false;
    *order = raw->order;
    order->block = at;
    order->source = memcpy(at, raw->order.source, raw->source_length);
    at += raw->source_length + 1;
    order->cause = memcpy(at, raw->order.cause, raw->cause_length);
    at += raw->cause_length + 1;
    order->tag = memcpy(at, raw->order.tag, raw->tag_length);
    at += raw->tag_length + 1;
    order->bytes = memcpy(at, raw->order.bytes, raw->order.size);
    return true;
}

/* PL_RANGE: it is found, and the walk ends. */
static enum pl_code take_first(void *arg, const struct raw *raw, size_t size, struct pl_error **error) {
    const struct next *next = arg;
    (void)size;
    if (strlen(next->source) != raw->source_length || memcmp(next->source, raw->order.source, raw->source_length) != 0)
        return PL_OK;
    return copy_order(raw, next->order) ? PL_RANGE : pl_error_set(error, PL_NO_MEMORY, "no memory for an order");
}

enum pl_code pl_letters_next(struct pl_store *store, const char *source, uint64_t after, struct pl_letter_order *order,
                             struct pl_error **error) {
    struct next next = {source, order};
    *order = (struct pl_letter_order){.block = NULL};
    enum pl_code code = walk(store, after, take_first, &next, error);
    if (order->block) return PL_OK;
    return code ? code : PL_NOT_FOUND;
}

/* ---- Ordering ---- */

static enum pl_code last_number(struct pl_store *store, uint64_t *number, struct pl_error **error) {
    char key[KEY];
    size_t key_size = counter_key(key), size;
    void *value;
    struct pl_unpack unpack;
    *number = 0;
    enum pl_code code = pl_store_get(store, PL_STORE_KEPT, key, key_size, &value, &size, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    if (!open_value(key, key_size, value, size, &unpack) || !pl_unpack_uint(&unpack, number))
        code = damaged(store, error);
    pl_free(value);
    return code;
}

static void pack_order(struct pl_pack *pack, const struct pl_dead_letter *letter, const void *bytes, size_t size) {
    pl_pack_array(pack, ITEMS);
    pl_pack_str(pack, letter->source);
    pl_pack_uint(pack, letter->id);
    pl_pack_int(pack, letter->time);
    pl_pack_int(pack, letter->near);
    pl_pack_int(pack, letter->samples);
    pl_pack_str(pack, letter->cause);
    pl_pack_str(pack, letter->tag);
    pl_pack_bin(pack, bytes, size);
}

/* The order and its number, in one write. */
static enum pl_code write_order(struct pl_store *store, const struct pl_dead_letter *letter, const void *bytes,
                                size_t size, uint64_t *number, struct pl_error **error) {
    enum pl_code code = last_number(store, number, error);
    if (code) return code;
    char key[KEY];
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return pl_error_set(error, PL_NO_MEMORY, "no memory for an order");
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    pack_order(pack, letter, bytes, size);
    code = put(store, writes, key, order_key(key, ++*number), pack, error);
    pl_pack_reset(pack);
    pl_pack_uint(pack, *number);
    if (!code) code = put(store, writes, key, counter_key(key), pack, error);
    if (!code) code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    pl_pack_free(pack);
    return code;
}

bool pl_letters_was_ordered(const struct pl_letters *letters, uint64_t letter) {
    for (uint32_t i = letters->ordered.count; i > 0; i--)
        if (letters->ordered.list[i - 1].letter == letter) return true;
    return false;
}

enum pl_code pl_letters_order(struct pl_letters *letters, const struct pl_dead_letter *letter, const void *bytes,
                              size_t size, struct pl_error **error) {
    bool ordered = pl_letters_was_ordered(letters, letter->id);
    if (ordered || letter->state == PL_LETTER_QUEUED || letter->state == PL_LETTER_REINJECTED)
        return pl_error_set(error, PL_CONFLICT, "letter %016llx is %s already", (unsigned long long)letter->id,
                            pl_letter_states[ordered ? PL_LETTER_QUEUED : letter->state]);
    if (letter->cut && bytes == letter->bytes)
        return pl_error_set(error, PL_LIMIT, "of letter %016llx not all bytes were kept",
                            (unsigned long long)letter->id);
    if (size > PL_LETTER_MAX || letters->orders.count + letters->ordered.count >= PL_LETTER_ORDERS_MAX ||
        letters->order_bytes + size > PL_LETTER_ORDERS_BYTES)
        return pl_error_set(error, PL_LIMIT, "a letter is too large, or too many wait: at most %d at a time",
                            PL_LETTER_ORDERS_MAX);
    struct pl__letter_event event = {.letter = letter->id};
    if (!pl__letter_event_add(&letters->ordered, &event))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for an order");
    enum pl_code code = write_order(letters->store, letter, bytes, size, &event.number, error);
    if (code)
        letters->ordered.count--;
    else
        letters->order_bytes += size;
    return code;
}

enum pl_code pl_letters_settle(struct pl_letters *letters, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    char key[KEY];
    for (uint32_t i = 0; i < letters->outcomes.count; i++) {
        const struct pl__letter_event *outcome = &letters->outcomes.list[i];
        if (!outcome->settled) continue;
        size_t size = order_key(key, outcome->number);
        rocksdb_writebatch_delete_cf(writes, letters->store->family[PL_STORE_KEPT], key, size);
    }
    enum pl_code code = rocksdb_writebatch_count(writes) ? pl_store_write(letters->store, writes, error) : PL_OK;
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* PL_RANGE: there is one. */
static enum pl_code find_any(void *arg, const struct raw *raw, size_t size, struct pl_error **error) {
    (void)raw, (void)size, (void)error;
    *(bool *)arg = true;
    return PL_RANGE;
}

enum pl_code pl_letters_tidy(struct pl_store *store, struct pl_tags *tags, struct pl_error **error) {
    struct pl_letters *letters = NULL;
    bool any = false;
    enum pl_code code = walk(store, 0, find_any, &any, error);
    if (!any) return code;
    code = pl_letters_open(store, tags, &letters, error);
    if (!code) code = pl_letters_settle(letters, error);
    pl_letters_close(letters);
    return code;
}
