/* audit_verify.c: `potline audit verify`: is the chain whole, and is it the one that it was? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "audit.h"

enum { LINE = 4096, ANCHORS_MAX = 1 << 20, PRUNING_TEXT = 2 * PL_AUDIT_TEXT_MAX };

enum verdict { NOT_MET, HOLDS, DIFFERS };

struct anchor {
    struct pl_audit_place place;
    enum verdict verdict;
};

struct verify {
    struct anchor *anchors; /* by sequence */
    unsigned count, room;
    unsigned next; /* the first one that is not behind the walk */
    uint64_t whole;
    struct pl_audit_place pruned, last; /* last: that was followed */
    unsigned prunings;                  /* that are recorded */
    char pruning[PRUNING_TEXT];         /* the last one */
};

/* ---- Anchors given ---- */

static bool add_anchor(struct verify *verify, const char *text) {
    if (verify->count == verify->room) {
        unsigned room = verify->room ? 2 * verify->room : 16;
        struct anchor *more = room <= ANCHORS_MAX ? pl_realloc(verify->anchors, room * sizeof *more) : NULL;
        if (!more) return false;
        verify->anchors = more;
        verify->room = room;
    }
    struct anchor *anchor = &verify->anchors[verify->count];
    anchor->verdict = NOT_MET;
    if (!pl_audit_place_read(text, &anchor->place)) return false;
    verify->count++;
    return true;
}

/* As lines of a log have them, at their end. */
static bool read_line(struct verify *verify, char *line) {
    line[strcspn(line, "\r\n")] = 0;
    size_t length = strlen(line);
    while (length && line[length - 1] == ' ')
        line[--length] = 0;
    if (!length || line[0] == '#') return true;
    const char *space = strrchr(line, ' ');
    return add_anchor(verify, space ? space + 1 : line);
}

static int read_file(const struct pl_cli *cli, struct verify *verify, const char *path) {
    char line[LINE];
    FILE *file = fopen(path, "r");
    if (!file) return pl_cli_usage(cli, "--anchors %s: %s", path, strerror(errno));
    unsigned number = 1;
    while (fgets(line, sizeof line, file) && read_line(verify, line))
        number++;
    bool good = feof(file);
    fclose(file);
    return good ? PL_EXIT_OK : pl_cli_usage(cli, "--anchors %s:%u: no anchor SEQUENCE:HASH at its end", path, number);
}

static int by_sequence(const void *left, const void *right) {
    const struct anchor *a = left, *b = right;
    return a->place.sequence < b->place.sequence ? -1 : a->place.sequence > b->place.sequence;
}

static int read_anchors(const struct pl_cli *cli, struct verify *verify) {
    for (const char *const *text = pl_cli_all(cli, "anchor"); *text; text++)
        if (!add_anchor(verify, *text))
            return pl_cli_usage(cli, "--anchor \"%s\": SEQUENCE:HASH expected, the hash as 64 hexadecimal digits",
                                *text);
    for (const char *const *path = pl_cli_all(cli, "anchors"); *path; path++) {
        int exit_code = read_file(cli, verify, *path);
        if (exit_code) return exit_code;
    }
    if (verify->count) qsort(verify->anchors, verify->count, sizeof *verify->anchors, by_sequence);
    return PL_EXIT_OK;
}

/* ---- The walk ---- */

static void meet(struct verify *verify, const struct pl_audit_place *place) {
    while (verify->next < verify->count && verify->anchors[verify->next].place.sequence < place->sequence)
        verify->next++;
    for (unsigned i = verify->next; i < verify->count; i++) {
        struct anchor *anchor = &verify->anchors[i];
        if (anchor->place.sequence != place->sequence) break;
        anchor->verdict = memcmp(anchor->place.hash, place->hash, PL_AUDIT_HASH) == 0 ? HOLDS : DIFFERS;
    }
}

/* What the record of a pruning says; later ones are told of instead of earlier ones. */
static void note_pruning(struct verify *verify, const struct pl_audit_record *record) {
    char time[PL_TEXT_TIME_MAX];
    *pl_text_put_time(time, record->time) = 0;
    verify->prunings++;
    snprintf(verify->pruning, sizeof verify->pruning, "%s were pruned at %s, %s: %s", record->object, time,
             record->reason, record->detail);
    for (char *at = verify->pruning; *at; at++) /* with names that people chose */
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?';
}

static enum pl_code follow(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct verify *verify = arg;
    (void)error;
    verify->whole++;
    verify->last.sequence = record->sequence;
    memcpy(verify->last.hash, record->hash, PL_AUDIT_HASH);
    meet(verify, &verify->last);
    if (strcmp(record->action, PL_AUDIT_PRUNE) == 0) note_pruning(verify, record);
    return PL_OK;
}

/* ---- The verdicts ---- */

static bool print_anchor(const struct verify *verify, const struct anchor *anchor, bool broken) {
    uint64_t sequence = anchor->place.sequence;
    if (anchor->verdict == HOLDS) {
        printf("anchor %" PRIu64 " holds\n", sequence);
    } else if (anchor->verdict == DIFFERS) {
        printf("anchor %" PRIu64 " does not hold: record %" PRIu64 " has another hash, so the chain was made anew\n",
               sequence, sequence);
    } else if (sequence <= verify->pruned.sequence) {
        printf("anchor %" PRIu64 " cannot be checked: the records up to %" PRIu64 " are pruned\n", sequence,
               verify->pruned.sequence);
        return true;
    } else if (broken) {
        printf("anchor %" PRIu64 " does not hold: the chain is broken in front of it\n", sequence);
    } else {
        printf("anchor %" PRIu64 " does not hold: the chain ends at %" PRIu64 ", so its tail was cut off\n", sequence,
               verify->last.sequence);
    }
    return anchor->verdict == HOLDS;
}

static int print_verdicts(const struct verify *verify, bool broken) {
    int exit_code = broken ? PL_EXIT_FAILED : PL_EXIT_OK;
    if (verify->prunings > 1) printf("%u prunings are recorded; the last one: ", verify->prunings);
    if (verify->prunings) puts(verify->pruning);
    if (verify->whole || !broken) printf("%" PRIu64 " records are whole\n", verify->whole);
    for (unsigned i = 0; i < verify->count; i++)
        if (!print_anchor(verify, &verify->anchors[i], broken)) exit_code = PL_EXIT_FAILED;
    return exit_code;
}

int pl__audit_verify(const struct pl_cli *cli) {
    struct verify verify = {0};
    struct pl_store *store = NULL;
    struct pl_error *error = NULL;
    struct pl_audit_place end;
    int exit_code = read_anchors(cli, &verify);
    if (exit_code == PL_EXIT_OK) {
        enum pl_code code = pl__audit_folder(cli, &store, &error);
        bool opened = !code;
        if (!code) code = pl_audit_places(store, &verify.pruned, &end, &error);
        if (!code && verify.pruned.sequence) meet(&verify, &verify.pruned);
        if (!code) code = pl_audit_each(store, 1, follow, &verify, &error);
        if (code) exit_code = pl__audit_failed(error);
        if (opened) exit_code = print_verdicts(&verify, code != PL_OK);
    }
    pl_store_close(store);
    pl_free(verify.anchors);
    return exit_code;
}
