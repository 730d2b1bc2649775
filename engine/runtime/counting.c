#include "counting.h"

#include <stdatomic.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/quality.h>

#include "runtime/losses.h"
#include "store/lake.h"

enum { CAUSES_MAX = 64, NO_ACCOUNT = 0, AGAIN = 32, ROWS_MAX = 1 << 30, NO_VALUE = PL_Q_STALE | PL_Q_MISSING };

/* Rows of a tag in the hour of its source, on their way into its account: small, so that those of all tags stay in the
 * nearest cache. */
struct tally {
    pl_time last;  /* time of the last row */
    uint64_t rows; /* and from bit AGAIN on, how many of them had the time of the one before */
};

struct account {
    pl_time last; /* time of the last row */
    struct pl_ledger_hour hour[2];
    uint32_t source, tag, cause; /* the source's index; names */
    uint32_t next;               /* of the same source and tag, by another cause */
    bool changed;
    bool elsewhere; /* a tag that goes to every partition: the first one counts it */
};

struct source {
    uint32_t *account; /* [tag]: of its rows */
    uint32_t room;
    uint32_t cause[CAUSES_MAX]; /* its causes so far */
    uint32_t causes;
    pl_time hour;        /* of what is tallied */
    uint32_t untold;     /* rows in tallies, at most */
    struct tally *tally; /* [tag] */
    uint32_t tally_room;
    uint32_t *tallied; /* tags whose tallies are not empty */
    uint32_t tallied_count, tallied_room;
    struct pl_zone *letters;
    _Atomic int64_t total[PL_LEDGER_COUNTS]; /* in this run */
};

struct pl_counting {
    struct pl_counting_options options;
    struct account *accounts; /* from 1 */
    uint32_t count, room;
    uint32_t *changed;
    uint32_t changed_count, changed_room;
    struct source *sources; /* [inlet] */
    unsigned source_count;
    struct pl_buffer closed; /* entries of hours */
    uint32_t letter, losses, reinjected;
    uint64_t epoch; /* that letters belong to */
    bool failed;
};

/* ---- Accounts ---- */

static bool grow(void **list, uint32_t *room, uint32_t least, size_t size) {
    uint32_t wanted = *room ? *room : 64;
    while (wanted < least)
        wanted *= 2;
    char *grown = pl_realloc(*list, wanted * size);
    if (!grown) return false;
    memset(grown + *room * size, 0, (wanted - *room) * size);
    *list = grown;
    *room = wanted;
    return true;
}

/* 0 without memory. */
static uint32_t new_account(struct pl_counting *c, unsigned source, uint32_t tag, uint32_t cause) {
    if (c->count + 1 >= c->room && !grow((void **)&c->accounts, &c->room, c->count + 2, sizeof *c->accounts)) {
        c->failed = true;
        return NO_ACCOUNT;
    }
    struct account *account = &c->accounts[++c->count];
    *account = (struct account){.last = PL_TIME_MIN, .source = source, .tag = tag, .cause = cause};
    account->hour[0].begin = account->hour[1].begin = PL_TIME_MIN;
    account->elsewhere = c->options.partition && pl_tags_get(c->options.tags, tag)->broadcast;
    return c->count;
}

/* The one that rows of the tag are counted in; 0 without memory. */
static uint32_t account_of(struct pl_counting *c, unsigned source, uint32_t tag) {
    struct source *s = &c->sources[source];
    if (PL_UNLIKELY(tag >= s->room) && !grow((void **)&s->account, &s->room, tag + 1, sizeof *s->account)) {
        c->failed = true;
        return NO_ACCOUNT;
    }
    if (PL_UNLIKELY(!s->account[tag])) s->account[tag] = new_account(c, source, tag, 0);
    return s->account[tag];
}

static uint32_t account_of_cause(struct pl_counting *c, unsigned source, uint32_t tag, uint32_t cause) {
    uint32_t at = account_of(c, source, tag);
    while (at && c->accounts[at].cause != cause && c->accounts[at].next)
        at = c->accounts[at].next;
    if (!at || c->accounts[at].cause == cause) return at;
    uint32_t made = new_account(c, source, tag, cause);
    if (made) c->accounts[at].next = made;
    return made;
}

static uint32_t cause_other(struct pl_counting *c) {
    static const char other[] = "other";
    return pl_tags_intern(c->options.tags, other, strlen(other));
}

/* False: it is one too many. */
static bool note_cause(struct pl_counting *c, unsigned source, uint32_t cause) {
    struct source *s = &c->sources[source];
    for (uint32_t i = 0; i < s->causes; i++)
        if (s->cause[i] == cause) return true;
    if (cause == cause_other(c)) return true;
    if (s->causes == CAUSES_MAX) return false;
    s->cause[s->causes++] = cause;
    return true;
}

/* Beyond CAUSES_MAX of a source they are counted together, as losses that say no cause are. */
static uint32_t cause_named(struct pl_counting *c, unsigned source, const char *name, size_t length) {
    uint32_t id = PL_NO_ID;
    if (length)
        id = c->sources[source].causes < CAUSES_MAX ? pl_tags_intern(c->options.tags, name, length)
                                                    : pl_tags_find(c->options.tags, name, length);
    return id != PL_NO_ID && note_cause(c, source, id) ? id : cause_other(c);
}

static void note_change(struct pl_counting *c, uint32_t index) {
    struct account *account = &c->accounts[index];
    if (account->changed) return;
    if (!account->cause && c->options.seen) c->options.seen(c->options.arg, account->tag);
    if (c->changed_count == c->changed_room &&
        !grow((void **)&c->changed, &c->changed_room, c->changed_count + 1, sizeof *c->changed)) {
        c->failed = true;
        return;
    }
    c->changed[c->changed_count++] = index;
    account->changed = true;
}

/* ---- Hours ---- */

static struct pl_ledger_account as_kept(const struct pl_counting *c, const struct account *account) {
    const struct pl_tags *tags = c->options.tags;
    const struct pl_inlet *inlet = &c->options.feeds->inlet[account->source];
    return (struct pl_ledger_account){
        .source = pl_tags_get(tags, c->options.feeds->names[inlet->first])->name,
        .tag = pl_tags_get(tags, account->tag)->name,
        .cause = pl_tags_get(tags, account->cause)->name,
        .last = account->last,
        .hour = {account->hour[0], account->hour[1]},
    };
}

static void close_older(struct pl_counting *c, struct account *account) {
    struct pl_ledger_hour *older = &account->hour[1];
    if (older->begin == PL_TIME_MIN) return;
    struct pl_ledger_account kept = as_kept(c, account);
    pl_ledger_put_hour(&c->closed, &kept, older, 0);
    older->begin = PL_TIME_MIN;
}

static void open_hour(struct pl_ledger_hour *hour, pl_time begin) {
    *hour = (struct pl_ledger_hour){.begin = begin};
}

/* The hour to count a time in. Each only moves on, so an hour that was closed is never opened again. */
static struct pl_ledger_hour *hour_for(struct pl_counting *c, struct account *account, pl_time time) {
    struct pl_ledger_hour *newest = &account->hour[0], *older = &account->hour[1];
    pl_time begin = pl_ledger_hour_of(time);
    if (newest->begin == PL_TIME_MIN) open_hour(newest, begin);
    if (begin == newest->begin) return newest;
    if (begin > newest->begin) {
        close_older(c, account);
        *older = *newest;
        open_hour(newest, begin);
        return newest;
    }
    if (older->begin == PL_TIME_MIN || begin > older->begin) {
        close_older(c, account);
        open_hour(older, begin);
    }
    return older;
}

static void add(struct pl_counting *c, unsigned source, struct pl_ledger_hour *hour, enum pl_ledger_count what,
                int64_t count) {
    _Atomic int64_t *total = &c->sources[source].total[what];
    hour->count[what] += count;
    atomic_store_explicit(total, atomic_load_explicit(total, memory_order_relaxed) + count, memory_order_relaxed);
}

/* ---- Rows ---- */

static enum pl_ledger_count judge(const struct account *account, pl_time time, uint16_t quality, pl_time told) {
    if (quality & NO_VALUE) return PL_LEDGER_MISSING;
    if (time == account->last) return PL_LEDGER_DUPLICATE;
    return time < told ? PL_LEDGER_LATE : PL_LEDGER_ACCEPTED;
}

static void count_row(struct pl_counting *c, uint32_t index, pl_time time, uint16_t quality, pl_time told) {
    struct account *account = &c->accounts[index];
    if (!index || account->elsewhere) return;
    note_change(c, index);
    struct pl_ledger_hour *hour = hour_for(c, account, time);
    enum pl_ledger_count what = judge(account, time, quality, told);
    add(c, account->source, hour, PL_LEDGER_EXPECTED, 1);
    add(c, account->source, hour, what, 1);
    if (what != PL_LEDGER_MISSING) account->last = time;
}

/* The first row of a tag since the last flush. */
static bool begin_tally(struct pl_counting *c, struct source *s, unsigned source, uint32_t tag, struct tally *tally) {
    uint32_t index = account_of(c, source, tag);
    if (!index) return false;
    if (s->tallied_count == s->tallied_room &&
        !grow((void **)&s->tallied, &s->tallied_room, s->tallied_count + 1, sizeof *s->tallied)) {
        c->failed = true;
        return false;
    }
    s->tallied[s->tallied_count++] = tag;
    if (c->options.seen) c->options.seen(c->options.arg, tag);
    tally->last = c->accounts[index].last;
    return true;
}

/* What has been tallied goes into the accounts. */
static void flush(struct pl_counting *c, unsigned source) {
    struct source *s = &c->sources[source];
    for (uint32_t i = 0; i < s->tallied_count; i++) {
        uint32_t tag = s->tallied[i], index = s->account[tag];
        struct tally *tally = &s->tally[tag];
        struct account *account = &c->accounts[index];
        int64_t rows = (uint32_t)tally->rows, again = (int64_t)(tally->rows >> AGAIN);
        tally->rows = 0;
        if (account->elsewhere) continue;
        note_change(c, index);
        account->last = tally->last;
        struct pl_ledger_hour *hour = hour_for(c, account, s->hour);
        add(c, source, hour, PL_LEDGER_EXPECTED, rows);
        add(c, source, hour, PL_LEDGER_ACCEPTED, rows - again);
        add(c, source, hour, PL_LEDGER_DUPLICATE, again);
    }
    s->tallied_count = 0;
    s->untold = 0;
}

/* Room for the tallies of all tags in the batch. */
static bool has_tallies(struct pl_counting *c, struct source *s, const struct pl_batch *batch) {
    const uint32_t *key = pl_batch_keys(batch);
    uint32_t all = 0;
    for (uint32_t i = 0; i < batch->rows; i++)
        all |= key[i]; /* no key is larger */
    if (PL_LIKELY(all < s->tally_room)) return true;
    c->failed |= !grow((void **)&s->tally, &s->tally_room, all + 1, sizeof *s->tally);
    return all < s->tally_room;
}

/* Rows of one hour, none of them late, few without a value: the usual case, which has to cost next to nothing. */
static inline __attribute__((always_inline)) void tally_rows(struct pl_counting *c, unsigned source,
                                                             const struct pl_batch *batch, bool missing) {
    struct source *s = &c->sources[source];
    const pl_time *time = pl_batch_times(batch);
    const uint32_t *key = pl_batch_keys(batch);
    const uint16_t *quality = batch->samples.quality;
    struct tally *tallies = s->tally;
    for (uint32_t i = 0, rows = batch->rows; i < rows; i++) {
        if (missing && PL_UNLIKELY(quality[i] & NO_VALUE)) {
            count_row(c, account_of(c, source, key[i]), time[i], quality[i], PL_TIME_MIN);
            continue;
        }
        struct tally *tally = &tallies[key[i]];
        if (PL_UNLIKELY(!tally->rows) && !begin_tally(c, s, source, key[i], tally)) return;
        tally->rows += 1 + ((uint64_t)(time[i] == tally->last) << AGAIN);
        tally->last = time[i];
    }
}

/* A difference that is negative has its top bit set, and only then. */
static bool are_plain(const struct pl_batch *batch, pl_time hour, pl_time told) {
    const pl_time *time = pl_batch_times(batch);
    pl_time from = told > hour ? told : hour;
    if (hour >= PL_TIME_MAX - PL_HOUR || from >= hour + PL_HOUR) return false;
    uint64_t outside = 0, first = (uint64_t)from, last = (uint64_t)(hour + PL_HOUR - 1);
    for (uint32_t i = 0, rows = batch->rows; i < rows; i++)
        outside |= ((uint64_t)time[i] - first) | (last - (uint64_t)time[i]);
    return !(outside >> 63);
}

static bool some_missing(const struct pl_batch *batch) {
    const uint16_t *quality = batch->samples.quality;
    uint16_t flags = 0;
    if (batch->kind != PL_SAMPLES) return false;
    for (uint32_t i = 0, rows = batch->rows; i < rows; i++)
        flags |= quality[i];
    return flags & NO_VALUE;
}

static void count_rows(struct pl_counting *c, unsigned source, const struct pl_batch *batch, pl_time told) {
    struct source *s = &c->sources[source];
    const pl_time *time = pl_batch_times(batch);
    const uint32_t *key = pl_batch_keys(batch);
    pl_time hour = pl_ledger_hour_of(time[0]);
    bool plain = are_plain(batch, hour, told) && has_tallies(c, s, batch);
    if (!plain || hour != s->hour || s->untold > ROWS_MAX) flush(c, source);
    s->hour = hour;
    s->untold += batch->rows;
    if (plain) {
        if (some_missing(batch))
            tally_rows(c, source, batch, true);
        else
            tally_rows(c, source, batch, false);
        return;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t index = account_of(c, source, key[i]);
        count_row(c, index, time[i], batch->kind == PL_SAMPLES ? batch->samples.quality[i] : PL_Q_GOOD, told);
    }
}

/* ---- Losses ---- */

static void count_loss(struct pl_counting *c, unsigned source, const struct pl_loss_read *loss) {
    static const enum pl_ledger_count counts[PL_LOSSES] = {
        [PL_LOSS_REJECTED] = PL_LEDGER_REJECTED,
        [PL_LOSS_MISSING] = PL_LEDGER_MISSING,
        [PL_LOSS_DUPLICATE] = PL_LEDGER_DUPLICATE,
        [PL_LOSS_UNKEPT] = PL_LEDGER_UNKEPT,
    };
    uint32_t tag = loss->tag_length ? pl_tags_intern(c->options.tags, loss->tag, loss->tag_length) : 0;
    uint32_t cause = cause_named(c, source, loss->cause, loss->cause_length);
    uint32_t index = account_of_cause(c, source, tag == PL_NO_ID ? 0 : tag, cause);
    if (!index) return;
    note_change(c, index);
    struct pl_ledger_hour *hour = hour_for(c, &c->accounts[index], loss->time);
    add(c, source, hour, counts[loss->loss], (int64_t)loss->count);
    if (loss->loss != PL_LOSS_UNKEPT) add(c, source, hour, PL_LEDGER_EXPECTED, (int64_t)loss->count);
}

static void take_losses(struct pl_counting *c, unsigned source, struct pl_unpack *body) {
    uint32_t pairs, count;
    const char *key;
    size_t length;
    struct pl_loss_read loss;
    bool good = pl_unpack_map(body, &pairs) && pairs == 1 && pl_unpack_str(body, &key, &length) &&
                pl_unpack_array(body, &count);
    for (uint32_t i = 0; good && i < count; i++) {
        good = pl_losses_read(body, &loss);
        if (good) count_loss(c, source, &loss);
    }
    if (!good) pl_diag(PL_ERROR, "the log holds counts of losses that cannot be read: they are not in the ledger");
}

/* ---- Letters ---- */

/* In the source's name. Without room on the disk it is in the log alone. */
static void keep_letter(struct pl_counting *c, unsigned source, const struct pl_batch *batch) {
    struct source *s = &c->sources[source];
    struct pl_error *error = NULL;
    const char *name =
        pl_tags_get(c->options.tags, c->options.feeds->names[c->options.feeds->inlet[source].first])->name;
    enum pl_code code = PL_OK;
    if (!s->letters) {
        code = pl_zone_open_as(c->options.store, c->options.tags, PL_DEAD, name, c->options.partition, &s->letters,
                               &error);
        if (!code) pl_zone_note_epochs(s->letters);
    }
    if (!code) {
        pl_zone_set_epoch(s->letters, c->epoch);
        code = pl_zone_put(s->letters, batch, &error);
    }
    if (code)
        pl_diag(PL_ERROR, "a dead letter of %s is in the log only: %s", name, error ? error->text : pl_code_text(code));
    pl_error_free(&error);
}

/* What a letter that came in after all was counted as is taken back, in the hour where it was. */
struct taken_back {
    uint64_t letter;
    int64_t samples;
    pl_time near;
    const char *cause;
    size_t cause_length;
    bool done;
};

static bool read_taken_back(struct pl_unpack *body, struct taken_back *back) {
    uint32_t pairs;
    uint64_t number;
    const char *key;
    size_t length;
    return pl_unpack_map(body, &pairs) && pairs == 6 && pl_unpack_str(body, &key, &length) &&
           pl_unpack_uint(body, &back->letter) && pl_unpack_str(body, &key, &length) && pl_unpack_uint(body, &number) &&
           pl_unpack_str(body, &key, &length) && pl_unpack_bool(body, &back->done) &&
           pl_unpack_str(body, &key, &length) && pl_unpack_str(body, &back->cause, &back->cause_length) &&
           pl_unpack_str(body, &key, &length) && pl_unpack_int(body, &back->near) &&
           pl_unpack_str(body, &key, &length) && pl_unpack_int(body, &back->samples);
}

static void take_back(struct pl_counting *c, unsigned source, const struct pl_batch *batch, struct pl_unpack *body) {
    struct taken_back back;
    keep_letter(c, source, batch);
    if (!read_taken_back(body, &back) || !back.done) return;
    struct account account = {.source = source, .tag = batch->events.tag[0], .last = PL_TIME_MIN};
    account.cause = cause_named(c, source, back.cause, back.cause_length);
    struct pl_ledger_hour hour = {.begin = pl_ledger_hour_of(back.near)};
    add(c, source, &hour, PL_LEDGER_EXPECTED, -back.samples);
    add(c, source, &hour, PL_LEDGER_REJECTED, -back.samples);
    struct pl_ledger_account kept = as_kept(c, &account);
    pl_ledger_put_hour(&c->closed, &kept, &hour, back.letter);
}

static void take_letters(struct pl_counting *c, unsigned source, const struct pl_batch *batch) {
    struct pl_unpack body;
    uint32_t size;
    const void *bytes = pl_batch_heap_row(batch, 0, 0, &size);
    pl_unpack_init(&body, bytes, size);
    if (batch->events.kind[0] == c->letter)
        keep_letter(c, source, batch);
    else if (batch->events.kind[0] == c->losses)
        take_losses(c, source, &body);
    else if (batch->events.kind[0] == c->reinjected)
        take_back(c, source, batch, &body);
}

void pl_counting_take(struct pl_counting *c, unsigned feed, const struct pl_batch *batch, pl_time told) {
    const struct pl_feed *of = &c->options.feeds->feed[feed];
    if (of->inlet >= c->source_count) return;
    if (of->options.letters)
        take_letters(c, of->inlet, batch);
    else if (c->options.feeds->inlet[of->inlet].first == feed)
        count_rows(c, of->inlet, batch, told);
}

void pl_counting_totals(const struct pl_counting *c, unsigned source, int64_t totals[PL_LEDGER_COUNTS]) {
    for (unsigned i = 0; source < c->source_count && i < PL_LEDGER_COUNTS; i++)
        totals[i] += atomic_load_explicit(&c->sources[source].total[i], memory_order_relaxed);
}

void pl_counting_carry(struct pl_counting *c, unsigned source, const struct pl_counting *old, unsigned was) {
    if (source >= c->source_count || was >= old->source_count) return;
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        atomic_store(&c->sources[source].total[i], atomic_load(&old->sources[was].total[i]));
}

/* ---- Life ---- */

void pl_counting_save(struct pl_counting *c, uint64_t epoch, struct pl_buffer *out) {
    for (unsigned i = 0; i < c->source_count; i++)
        flush(c, i);
    pl_buffer_put(out, c->closed.data, c->closed.size);
    for (uint32_t i = 0; i < c->changed_count; i++) {
        struct account *account = &c->accounts[c->changed[i]];
        struct pl_ledger_account kept = as_kept(c, account);
        pl_ledger_put_account(out, &kept);
        account->changed = false;
    }
    if (c->failed || pl_buffer_failed(&c->closed)) out->failed = true;
    pl_buffer_reset(&c->closed);
    c->changed_count = 0;
    c->epoch = epoch + 1;
}

static enum pl_code load_account(void *arg, const struct pl_ledger_account *kept, struct pl_error **error) {
    struct pl_counting *c = arg;
    const struct pl_feeds *feeds = c->options.feeds;
    uint32_t name = pl_tags_find(c->options.tags, kept->source, strlen(kept->source));
    unsigned source = 0;
    while (source < feeds->inlet_count && feeds->names[feeds->inlet[source].first] != name)
        source++;
    if (source == feeds->inlet_count) return PL_OK; /* the graph has it no more */
    uint32_t tag = pl_tags_intern(c->options.tags, kept->tag, strlen(kept->tag));
    uint32_t cause = *kept->cause ? pl_tags_intern(c->options.tags, kept->cause, strlen(kept->cause)) : 0;
    if (tag == PL_NO_ID || cause == PL_NO_ID)
        return pl_error_set(error, PL_LIMIT, "the ledger has more tags than max_tags allows");
    uint32_t index = account_of_cause(c, source, tag, cause);
    if (!index) return pl_error_set(error, PL_NO_MEMORY, "no memory for the ledger");
    if (cause) (void)note_cause(c, source, cause); /* its account stands, also when it is one too many */
    c->accounts[index].last = kept->last;
    memcpy(c->accounts[index].hour, kept->hour, sizeof kept->hour);
    return PL_OK;
}

enum pl_code pl_counting_load(struct pl_counting *c, uint64_t epoch, struct pl_error **error) {
    c->source_count = c->options.feeds->inlet_count;
    c->sources = pl_alloc((c->source_count + 1) * sizeof *c->sources);
    c->epoch = epoch + 1;
    if (!c->sources) return pl_error_set(error, PL_NO_MEMORY, "no memory for the ledger");
    return pl_ledger_accounts(c->options.store, c->options.partition, load_account, c, error);
}

struct pl_counting *pl_counting_new(const struct pl_counting_options *options) {
    struct pl_counting *c = PL_NEW(struct pl_counting);
    if (!c) return NULL;
    c->options = *options;
    pl_buffer_init(&c->closed, SIZE_MAX / 2);
    c->letter = pl_tags_intern(options->tags, PL_LETTER_KIND, strlen(PL_LETTER_KIND));
    c->losses = pl_tags_intern(options->tags, PL_LOSSES_KIND, strlen(PL_LOSSES_KIND));
    c->reinjected = pl_tags_intern(options->tags, PL_REINJECTED_KIND, strlen(PL_REINJECTED_KIND));
    cause_other(c); /* while there is room for names */
    return c;
}

struct pl_counting *pl_counting_anew(const struct pl_counting *counting) {
    return pl_counting_new(&counting->options);
}

void pl_counting_free(struct pl_counting *c) {
    if (!c) return;
    for (unsigned i = 0; i < c->source_count && c->sources; i++) {
        pl_free(c->sources[i].tally);
        pl_free(c->sources[i].tallied);
        pl_free(c->sources[i].account);
        pl_zone_close(c->sources[i].letters);
    }
    pl_free(c->sources);
    pl_free(c->accounts);
    pl_free(c->changed);
    pl_buffer_fini(&c->closed);
    pl_free(c);
}
