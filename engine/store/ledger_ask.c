/* ledger_ask.c: sums of the ledger, by cause, by tag and by source. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <potline/alloc.h>
#include <potline/tag.h>

#include "store/ledger.h"
#include "store/ledger_impl.h"

/* Sums by source, tag and cause, found by their hash. */
struct sums {
    const struct pl_ledger_query *query;
    struct pl_ledger_sum *list; /* their names are owned: one block, that of the source */
    uint32_t count, room;
    uint32_t *slot; /* 1 + index; 0: empty */
    uint32_t slots;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory to sum up the ledger");
}

static uint64_t hash_of(const char *source, const char *tag, const char *cause) {
    uint64_t hash = XXH3_64bits(source, strlen(source));
    hash = XXH3_64bits_withSeed(tag, strlen(tag), hash);
    return XXH3_64bits_withSeed(cause, strlen(cause), hash);
}

static uint32_t *slot_of(const struct sums *sums, const char *source, const char *tag, const char *cause) {
    uint32_t at = (uint32_t)hash_of(source, tag, cause) & (sums->slots - 1);
    for (; sums->slot[at]; at = (at + 1) & (sums->slots - 1)) {
        const struct pl_ledger_sum *sum = &sums->list[sums->slot[at] - 1];
        if (!strcmp(sum->tag, tag) && !strcmp(sum->source, source) && !strcmp(sum->cause, cause)) break;
    }
    return &sums->slot[at];
}

static bool grow(struct sums *sums) {
    uint32_t room = sums->room ? 2 * sums->room : 256;
    struct pl_ledger_sum *list = pl_realloc(sums->list, room * sizeof *list);
    if (list) sums->list = list;
    uint32_t *slot = list ? pl_alloc(2 * (size_t)room * sizeof *slot) : NULL;
    if (!slot) return false;
    pl_free(sums->slot);
    sums->slot = slot;
    sums->slots = 2 * room;
    sums->room = room;
    for (uint32_t i = 0; i < sums->count; i++)
        *slot_of(sums, list[i].source, list[i].tag, list[i].cause) = i + 1;
    return true;
}

static bool copy_names(struct pl_ledger_sum *sum, const struct pl_ledger_account *account) {
    size_t source = strlen(account->source) + 1, tag = strlen(account->tag) + 1, cause = strlen(account->cause) + 1;
    char *names = pl_alloc(source + tag + cause);
    if (!names) return false;
    memcpy(names, account->source, source);
    memcpy(names + source, account->tag, tag);
    memcpy(names + source + tag, account->cause, cause);
    *sum = (struct pl_ledger_sum){.source = names, .tag = names + source, .cause = names + source + tag};
    return true;
}

static struct pl_ledger_sum *sum_of(struct sums *sums, const struct pl_ledger_account *account) {
    if (sums->count == sums->room && !grow(sums)) return NULL;
    uint32_t *slot = slot_of(sums, account->source, account->tag, account->cause);
    if (!*slot) {
        if (!copy_names(&sums->list[sums->count], account)) return NULL;
        *slot = ++sums->count;
    }
    return &sums->list[*slot - 1];
}

static void add(struct pl_ledger_sum *sum, const int64_t count[PL_LEDGER_COUNTS]) {
    for (unsigned i = 0; i < PL_LEDGER_COUNTS; i++)
        sum->count[i] += count[i];
}

static enum pl_code take(void *arg, const struct pl_ledger_account *account, struct pl_error **error) {
    struct sums *sums = arg;
    const struct pl_ledger_query *query = sums->query;
    if (query->source && !pl_glob(query->source, account->source)) return PL_OK;
    if (query->tag && !pl_glob(query->tag, account->tag)) return PL_OK;
    for (unsigned i = 0; i < 2; i++) {
        const struct pl_ledger_hour *hour = &account->hour[i];
        if (hour->begin == PL_TIME_MIN || hour->begin < query->from) continue;
        if (hour->begin >= query->to && query->to != PL_TIME_MAX) continue;
        struct pl_ledger_sum *sum = sum_of(sums, account);
        if (!sum) return no_memory(error);
        add(sum, hour->count);
    }
    return PL_OK;
}

static int by_name(const void *one, const void *other) {
    const struct pl_ledger_sum *a = one, *b = other;
    int order = strcmp(a->source, b->source);
    if (!order) order = strcmp(a->tag, b->tag);
    return order ? order : strcmp(a->cause, b->cause);
}

/* From sorted sums by cause to those by tag and by source, whose names are borrowed from them. */
static bool sum_up(struct pl_ledger_report *report) {
    uint32_t count = report->causes ? report->cause_count : 0;
    report->tags = pl_alloc((count + 1) * sizeof *report->tags);
    report->sources = pl_alloc((count + 1) * sizeof *report->sources);
    if (!report->tags || !report->sources) return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct pl_ledger_sum *one = &report->causes[i], *before = i ? one - 1 : NULL;
        bool new_source = !before || strcmp(before->source, one->source) != 0;
        if (new_source)
            report->sources[report->source_count++] = (struct pl_ledger_sum){.source = one->source, .cause = ""};
        if (new_source || strcmp(before->tag, one->tag) != 0)
            report->tags[report->tag_count++] =
                (struct pl_ledger_sum){.source = one->source, .tag = one->tag, .cause = ""};
        add(&report->tags[report->tag_count - 1], one->count);
        add(&report->sources[report->source_count - 1], one->count);
        add(&report->total, one->count);
    }
    return true;
}

enum pl_code pl_ledger_ask(struct pl_store *store, const struct pl_ledger_query *query, struct pl_ledger_report *report,
                           struct pl_error **error) {
    struct sums sums = {.query = query};
    *report = (struct pl_ledger_report){.total = {.source = "", .cause = ""}};
    enum pl_code code = pl__ledger_walk(store, query->from, query->to, take, &sums, error);
    pl_free(sums.slot);
    if (sums.count) qsort(sums.list, sums.count, sizeof *sums.list, by_name);
    report->causes = sums.list;
    report->cause_count = sums.count;
    return code || sum_up(report) ? code : no_memory(error);
}

void pl_ledger_report_fini(struct pl_ledger_report *report) {
    for (uint32_t i = 0; i < report->cause_count; i++)
        pl_free((char *)report->causes[i].source);
    pl_free(report->causes);
    pl_free(report->tags);
    pl_free(report->sources);
    *report = (struct pl_ledger_report){0};
}

bool pl_ledger_adds_up(const struct pl_ledger_sum *sum) {
    return sum->count[PL_LEDGER_EXPECTED] == sum->count[PL_LEDGER_ACCEPTED] + sum->count[PL_LEDGER_LATE] +
                                                 sum->count[PL_LEDGER_DUPLICATE] + sum->count[PL_LEDGER_REJECTED] +
                                                 sum->count[PL_LEDGER_MISSING];
}

double pl_ledger_loss(const struct pl_ledger_sum *sum, bool late) {
    int64_t expected = sum->count[PL_LEDGER_EXPECTED] - sum->count[PL_LEDGER_DUPLICATE];
    int64_t lost = sum->count[PL_LEDGER_MISSING] + sum->count[PL_LEDGER_REJECTED];
    if (late) lost += sum->count[PL_LEDGER_LATE];
    return expected > 0 ? (double)lost / (double)expected : 0;
}
