#include "deaths.h"

#include <pthread.h>
#include <string.h>

#include <potline/alloc.h>

enum { GROWS_FROM = 2, DOUBLINGS_MAX = 7 };
static const pl_time FIRST_DELAY = 100 * PL_MILLISECOND;

struct history {
    struct history *next;
    char *node;
    unsigned partition;
    uint64_t deaths, nonsense;
    uint64_t *skipped; /* a ring of the records left out; NULL: none was */
    uint64_t skip_count;
    uint64_t suspects[PL_DEATHS_RECORDS]; /* under way at each of the last `at_record` deaths */
    unsigned suspect_count;
    unsigned at_record; /* deaths in a row */
    unsigned in_vain;
    uint64_t progress;
};

struct pl_deaths {
    pthread_mutex_t lock;
    struct history *list;
};

struct pl_deaths *pl_deaths_new(void) {
    struct pl_deaths *deaths = PL_NEW(struct pl_deaths);
    if (deaths) pthread_mutex_init(&deaths->lock, NULL);
    return deaths;
}

void pl_deaths_free(struct pl_deaths *deaths) {
    if (!deaths) return;
    while (deaths->list) {
        struct history *next = deaths->list->next;
        pl_free(deaths->list->node);
        pl_free(deaths->list->skipped);
        pl_free(deaths->list);
        deaths->list = next;
    }
    pthread_mutex_destroy(&deaths->lock);
    pl_free(deaths);
}

static struct history *find(const struct pl_deaths *deaths, const char *node, unsigned partition) {
    struct history *history = deaths->list;
    while (history && (history->partition != partition || strcmp(history->node, node) != 0))
        history = history->next;
    return history;
}

static struct history *find_or_make(struct pl_deaths *deaths, const struct pl_death *death) {
    struct history *history = find(deaths, death->node, death->partition);
    if (history) return history;
    history = PL_NEW(struct history);
    char *node = history ? pl_strdup(death->node) : NULL;
    if (!node) {
        pl_free(history);
        return NULL;
    }
    *history = (struct history){.next = deaths->list, .node = node, .partition = death->partition};
    return deaths->list = history;
}

static bool holds(const uint64_t *records, unsigned count, uint64_t record) {
    for (unsigned i = 0; i < count; i++)
        if (records[i] == record) return true;
    return false;
}

static unsigned limited(const struct pl_death *death) {
    return death->count < PL_DEATHS_RECORDS ? death->count : PL_DEATHS_RECORDS;
}

/* Those that were under way again; when none were, those of this death begin anew. */
static void narrow(struct history *history, const struct pl_death *death) {
    unsigned kept = 0;
    for (unsigned i = 0; i < history->suspect_count; i++)
        if (holds(death->records, limited(death), history->suspects[i]))
            history->suspects[kept++] = history->suspects[i];
    history->suspect_count = kept;
    history->at_record++;
    if (kept) return;
    history->suspect_count = limited(death);
    if (history->suspect_count)
        memcpy(history->suspects, death->records, history->suspect_count * sizeof *history->suspects);
    history->at_record = history->suspect_count ? 1 : 0;
}

static void judge(const struct history *history, struct pl_verdict *verdict) {
    verdict->at_record = history->suspect_count && history->at_record >= PL_DEATHS_AT_RECORD;
    verdict->stop = verdict->at_record || history->in_vain >= PL_DEATHS_IN_VAIN;
    verdict->record = history->suspect_count == 1 ? history->suspects[0] : 0;
    verdict->times = verdict->at_record ? history->at_record : history->in_vain;
    unsigned doublings = history->in_vain > GROWS_FROM ? history->in_vain - GROWS_FROM : 0;
    if (doublings > DOUBLINGS_MAX) doublings = DOUBLINGS_MAX;
    verdict->delay = history->in_vain < GROWS_FROM ? 0 : FIRST_DELAY << doublings;
}

/* Without memory it is as if that were not allowed. */
static void leave_out(struct history *history, struct pl_verdict *verdict) {
    if (!verdict->at_record || !verdict->record) return;
    if (!history->skipped) history->skipped = pl_alloc(PL_DEATHS_SKIPPED * sizeof *history->skipped);
    if (!history->skipped) return;
    history->skipped[history->skip_count++ % PL_DEATHS_SKIPPED] = verdict->record;
    history->suspect_count = history->at_record = history->in_vain = 0;
    verdict->stop = false;
    verdict->skip = true;
    verdict->delay = 0;
}

void pl_deaths_note(struct pl_deaths *deaths, const struct pl_death *death, struct pl_verdict *verdict) {
    *verdict = (struct pl_verdict){.stop = true};
    pthread_mutex_lock(&deaths->lock);
    struct history *history = find_or_make(deaths, death);
    if (history) {
        history->in_vain = history->deaths && history->progress == death->progress ? history->in_vain + 1 : 1;
        history->progress = death->progress;
        history->deaths++;
        history->nonsense += death->nonsense;
        narrow(history, death);
        judge(history, verdict);
        if (death->skips) leave_out(history, verdict);
    }
    pthread_mutex_unlock(&deaths->lock);
}

bool pl_deaths_careful(struct pl_deaths *deaths, const char *node, unsigned partition) {
    pthread_mutex_lock(&deaths->lock);
    const struct history *history = find(deaths, node, partition);
    bool careful = history && history->suspect_count;
    pthread_mutex_unlock(&deaths->lock);
    return careful;
}

void pl_deaths_passed(struct pl_deaths *deaths, const char *node, unsigned partition, uint64_t record) {
    pthread_mutex_lock(&deaths->lock);
    struct history *history = find(deaths, node, partition);
    for (unsigned i = 0; history && i < history->suspect_count; i++) {
        if (history->suspects[i] != record) continue;
        history->suspects[i] = history->suspects[--history->suspect_count];
        break;
    }
    if (history && !history->suspect_count) history->at_record = 0;
    pthread_mutex_unlock(&deaths->lock);
}

bool pl_deaths_skips(struct pl_deaths *deaths, const char *node, unsigned partition, uint64_t record) {
    pthread_mutex_lock(&deaths->lock);
    const struct history *history = find(deaths, node, partition);
    uint64_t known = history ? history->skip_count : 0;
    if (known > PL_DEATHS_SKIPPED) known = PL_DEATHS_SKIPPED;
    bool skips = known && holds(history->skipped, (unsigned)known, record);
    pthread_mutex_unlock(&deaths->lock);
    return skips;
}

enum sum { DEATHS, NONSENSE, SKIPPED };

static uint64_t add_up(struct pl_deaths *deaths, const char *node, enum sum what) {
    uint64_t sum = 0;
    pthread_mutex_lock(&deaths->lock);
    for (const struct history *history = deaths->list; history; history = history->next)
        if (strcmp(history->node, node) == 0)
            sum += what == DEATHS ? history->deaths : what == NONSENSE ? history->nonsense : history->skip_count;
    pthread_mutex_unlock(&deaths->lock);
    return sum;
}

uint64_t pl_deaths_count(struct pl_deaths *deaths, const char *node) {
    return add_up(deaths, node, DEATHS);
}

uint64_t pl_deaths_nonsense(struct pl_deaths *deaths, const char *node) {
    return add_up(deaths, node, NONSENSE);
}

uint64_t pl_deaths_skipped(struct pl_deaths *deaths, const char *node) {
    return add_up(deaths, node, SKIPPED);
}
