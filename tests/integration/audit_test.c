/* audit_test.c: `potline audit` on chains that this test makes, and tampers with. */
#include <libgen.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants some of the above */
#include <cmocka.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "store/audit.h"
#include "store/folder_testing.h"

enum { OUTPUT_MAX = 1 << 16, KEY = 8 };

static char program[512];
static char *folder;
static struct pl_store *store;
static char out[OUTPUT_MAX];

/* ---- A folder, and the program on it ---- */

static void open_folder(void) {
    assert_int_equal(pl_store_open(folder, &(struct pl_store_options){0}, &store, NULL), PL_OK);
}

static void close_folder(void) {
    pl_store_close(store);
    store = NULL;
}

static int setup(void **state) {
    (void)state;
    folder = make_folder();
    open_folder();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    close_folder();
    remove_folder(folder);
    return 0;
}

/* Runs `potline audit WORDS` in the folder; what it says, on both, is in `out`. */
static int run(const char *words) {
    char command[2048];
    close_folder();
    snprintf(command, sizeof command, "cd '%s' && exec '%s' audit %s --data . 2>&1", folder, program, words);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    out[fread(out, 1, sizeof out - 1, pipe)] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    open_folder();
    return WEXITSTATUS(status);
}

static void assert_says(int exit_code, const char *words, const char *text) {
    int code = run(words);
    if (code != exit_code || !strstr(out, text)) fail_msg("audit %s: exit %d, says:\n%s", words, code, out);
}

static pl_time at(const char *text) {
    pl_time time;
    assert_true(pl_text_time(text, strlen(text), &time));
    return time;
}

static void append(const struct pl_audit_record *record) {
    struct pl_audit *audit;
    struct pl_audit_record copy = *record;
    assert_int_equal(pl_audit_open(store, &audit, NULL), PL_OK);
    assert_int_equal(pl_audit_append(audit, &copy, NULL), PL_OK);
    pl_audit_close(audit);
}

static void append_notes(unsigned count) {
    for (unsigned i = 1; i <= count; i++)
        append(&(struct pl_audit_record){.time = i * PL_SECOND, .user = "anna", .action = "note"});
}

/* "--anchor SEQUENCE:HASH" of the chain's end. */
static const char *anchor_now(char text[PL_AUDIT_PLACE_TEXT + 10]) {
    struct pl_audit_place pruned, last;
    assert_int_equal(pl_audit_places(store, &pruned, &last, NULL), PL_OK);
    strcpy(text, "--anchor ");
    pl_audit_place_put(&last, text + 9);
    return text;
}

/* ---- Tampering ---- */

static void key_of(uint64_t sequence, uint8_t key[KEY]) {
    for (int i = KEY - 1; i >= 0; i--, sequence >>= 8)
        key[i] = (uint8_t)sequence;
}

static void put_value(uint64_t sequence, const void *value, size_t size) {
    uint8_t key[KEY];
    key_of(sequence, key);
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    if (value)
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_AUDIT], (char *)key, KEY, value, size);
    else
        rocksdb_writebatch_delete_cf(writes, store->family[PL_STORE_AUDIT], (char *)key, KEY);
    assert_int_equal(pl_store_write(store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

static uint8_t *take_value(uint64_t sequence, size_t *size) {
    uint8_t key[KEY];
    void *value;
    key_of(sequence, key);
    assert_int_equal(pl_store_get(store, PL_STORE_AUDIT, key, KEY, &value, size, NULL), PL_OK);
    return value;
}

static void a_removed_record_is_named(void **state) {
    (void)state;
    append_notes(9);
    assert_says(0, "verify", "9 records are whole\n");
    put_value(4, NULL, 0);
    assert_says(1, "verify", "audit record 4 is missing\n3 records are whole\n");
}

static void an_edited_record_is_named(void **state) {
    (void)state;
    append_notes(9);
    size_t size;
    uint8_t *value = take_value(5, &size);
    uint8_t *name = memmem(value, size, "anna", 4);
    assert_non_null(name);
    memcpy(name, "otto", 4);
    put_value(5, value, size);
    pl_free(value);
    assert_says(1, "verify", "audit record 5 does not follow from the one before");
    assert_says(1, "query --user otto", "audit record 5 does not follow from the one before");
}

static void swapped_records_are_named(void **state) {
    (void)state;
    append_notes(9);
    size_t a_size, b_size;
    uint8_t *a = take_value(6, &a_size), *b = take_value(7, &b_size);
    put_value(6, b, b_size);
    put_value(7, a, a_size);
    pl_free(a);
    pl_free(b);
    assert_says(1, "verify", "audit record 6 does not follow from the one before");
}

/* Cut so well that the entry of the end says so too: only an anchor tells. */
static void a_cut_tail_is_uncovered_by_an_anchor(void **state) {
    (void)state;
    char early[PL_AUDIT_PLACE_TEXT + 10], late[PL_AUDIT_PLACE_TEXT + 10], words[400];
    append_notes(5);
    size_t end_size;
    uint8_t *end = take_value(0, &end_size);
    anchor_now(early);
    append_notes(4);
    anchor_now(late);
    snprintf(words, sizeof words, "verify %s %s", late, early);
    assert_says(0, words, "9 records are whole\nanchor 5 holds\nanchor 9 holds\n");
    for (uint64_t i = 6; i <= 9; i++)
        put_value(i, NULL, 0);
    assert_says(1, "verify", "audit record 6 is missing");
    put_value(0, end, end_size);
    pl_free(end);
    assert_says(0, "verify", "5 records are whole\n");
    assert_says(1, words,
                "5 records are whole\nanchor 5 holds\n"
                "anchor 9 does not hold: the chain ends at 5, so its tail was cut off\n");
}

/* The same records but one, all hashes computed as they should be. */
static void a_chain_made_anew_is_uncovered_by_an_anchor(void **state) {
    (void)state;
    char anchor[PL_AUDIT_PLACE_TEXT + 10], words[400], line[400];
    append_notes(5);
    anchor_now(anchor);
    append_notes(2);
    for (uint64_t i = 0; i <= 7; i++)
        put_value(i, NULL, 0);
    append(&(struct pl_audit_record){.time = PL_SECOND, .user = "otto", .action = "note"});
    append_notes(6);
    assert_says(0, "verify", "7 records are whole\n");
    snprintf(words, sizeof words, "verify %s", anchor);
    assert_says(1, words, "anchor 5 does not hold: record 5 has another hash, so the chain was made anew\n");
    /* and from a file, as the lines of a log */
    snprintf(line, sizeof line, "%s/anchors", folder);
    FILE *file = fopen(line, "w");
    fprintf(file, "# kept at the plant's office\n\n2026-11-26T04:40:01.621Z info audit: anchor %s\n", anchor + 9);
    fclose(file);
    assert_says(1, "verify --anchors anchors", "anchor 5 does not hold");
    file = fopen(line, "a");
    fputs("nonsense\n", file);
    fclose(file);
    assert_says(2, "verify --anchors anchors", "anchors:4: no anchor");
    assert_says(2, "verify --anchors nowhere", "No such file");
    assert_says(2, "verify --anchor 5:00", "SEQUENCE:HASH expected");
    unlink(line);
}

/* ---- Pruning ---- */

static void what_is_pruned_is_told(void **state) {
    (void)state;
    char inside[PL_AUDIT_PLACE_TEXT + 10], edge[PL_AUDIT_PLACE_TEXT + 10], behind[PL_AUDIT_PLACE_TEXT + 10], words[500];
    append_notes(3);
    anchor_now(inside);
    append(&(struct pl_audit_record){.time = 4 * PL_SECOND, .user = "anna", .action = "note"});
    anchor_now(edge);
    append(&(struct pl_audit_record){.time = 5 * PL_SECOND, .user = "anna", .action = "note"});
    anchor_now(behind);
    struct pl_audit *audit;
    struct pl_audit_record record = {.time = 9 * PL_SECOND, .user = "plant", .reason = "older than 730d"};
    uint64_t removed;
    assert_int_equal(pl_audit_open(store, &audit, NULL), PL_OK);
    assert_int_equal(pl_audit_prune(audit, 5 * PL_SECOND, &record, &removed, NULL), PL_OK);
    pl_audit_close(audit);
    snprintf(words, sizeof words, "verify %s %s %s", inside, edge, behind);
    assert_int_equal(run(words), 0);
    assert_string_equal(out, "records 1 to 4 were pruned at 1970-01-01T00:00:09Z, older than 730d: from "
                             "1970-01-01T00:00:01Z to 1970-01-01T00:00:04Z; actions: note 4; users: anna 4\n"
                             "2 records are whole\n"
                             "anchor 3 cannot be checked: the records up to 4 are pruned\n"
                             "anchor 4 holds\n"
                             "anchor 5 holds\n");
    assert_int_equal(pl_audit_open(store, &audit, NULL), PL_OK);
    assert_int_equal(pl_audit_prune(audit, 6 * PL_SECOND, &record, &removed, NULL), PL_OK);
    pl_audit_close(audit);
    assert_says(0, "verify",
                "2 prunings are recorded; the last one: records 5 to 5 were pruned at 1970-01-01T00:00:09Z");
    put_value(7, NULL, 0); /* the record of the pruning */
    assert_says(1, "verify", "audit record 7 is missing");
}

/* ---- Query ---- */

static void append_month(void) {
    static const struct {
        const char *time, *user, *role, *origin, *action, *object, *from, *to, *reason, *outcome, *correlation, *detail;
    } rows[] = {
        {"2026-10-31T22:59:59Z", "plant", "", "engine", "engine start", "line", "", "00ab", "", "done", "r1",
         "potline 1"},
        {"2026-10-31T23:00:00Z", "anna", "operator", "shell", "login", "anna", "", "", "", "done", "r1-1", ""},
        {"2026-11-02T05:00:00.25Z", "anna", "operator", "shell", "set", "clean.spike.k", "3", "4", "spikes | *now*",
         "done", "r1-2", ""},
        {"2026-11-02T05:01:00Z", "=cmd()", "", "shell, remote", "login", "=cmd()", "", "", "", "refused", "r1-3", ""},
        {"2026-11-03T05:00:00Z", "otto", "engineer", "shell", "setpoints approve", "pot1.voltage", "4.2", "-4.3",
         "twin says so, \"surely\"", "done", "r1-4", ""},
        {"2026-11-30T22:59:59.999Z", "otto", "engineer", "shell", "override engage", "pot1", "auto", "hand", "leak",
         "done", "r1-5", ""},
        {"2026-11-30T23:00:00Z", "otto", "engineer", "shell", "override release", "pot1", "hand", "auto", "", "done",
         "r1-6", ""},
    };
    for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
        append(&(struct pl_audit_record){.time = at(rows[i].time),
                                         .user = rows[i].user,
                                         .role = rows[i].role,
                                         .origin = rows[i].origin,
                                         .action = rows[i].action,
                                         .object = rows[i].object,
                                         .from = rows[i].from,
                                         .to = rows[i].to,
                                         .reason = rows[i].reason,
                                         .outcome = rows[i].outcome,
                                         .correlation = rows[i].correlation,
                                         .detail = rows[i].detail});
}

static void queries_go_by_time_user_and_object(void **state) {
    (void)state;
    append_month();
    assert_int_equal(run("query --user anna --from 2026-11-01T00:00:00Z"), 0);
    assert_string_equal(out, "3  2026-11-02T05:00:00.25Z  anna (operator) by shell  set clean.spike.k  from 3 to 4  "
                             "reason: spikes | *now*  done  r1-2\n");
    assert_int_equal(run("query --object 'pot1*' --to 2026-11-30T00:00:00Z"), 0);
    assert_non_null(strstr(out, "setpoints approve pot1.voltage"));
    assert_null(strchr(out, '\n')[1] ? out : NULL);
    assert_int_equal(run("query --object 'pot1*'"), 0);
    unsigned lines = 0;
    for (const char *c = out; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3);
}

/* ---- Report ---- */

/* clang-format off */
static const char month_as_markdown[] =
    "# Audit report 2026-11\n"
    "\n"
    "|  |  |\n"
    "|---|---|\n"
    "| Folder | . |\n"
    "| Graph | line, hash 00ab |\n"
    "| Period | 2026-11-01T00:00:00.000+01:00 to 2026-12-01T00:00:00.000+01:00 (Europe/Berlin) |\n"
    "| Records | 5 of the 7 there are |\n"
    "| First record | 2:bceeba986a9efd765be6e3f762109b7419605c640c5ae07c3ccb9ed8daaada84 |\n"
    "| Last record | 6:535562eec4b20ba59efa2204d3baaea8f9b9bf22377d63451497d9013e71ec24 |\n"
    "| Chain | whole |\n"
    "| Pruned before | none |\n"
    "\n"
    "## Counts\n"
    "\n"
    "### By user\n"
    "\n"
    "| user | records |\n"
    "|---|---:|\n"
    "| anna | 2 |\n"
    "| otto | 2 |\n"
    "| =cmd() | 1 |\n"
    "\n"
    "### By role\n"
    "\n"
    "| role | records |\n"
    "|---|---:|\n"
    "| engineer | 2 |\n"
    "| operator | 2 |\n"
    "| (none) | 1 |\n"
    "\n"
    "### By action\n"
    "\n"
    "| action | records |\n"
    "|---|---:|\n"
    "| login | 2 |\n"
    "| override engage | 1 |\n"
    "| set | 1 |\n"
    "| setpoints approve | 1 |\n"
    "\n"
    "### By outcome\n"
    "\n"
    "| outcome | records |\n"
    "|---|---:|\n"
    "| done | 4 |\n"
    "| refused | 1 |\n"
    "\n"
    "## Set-point decisions: 1\n"
    "\n"
    "| no. | time | who | action | object | from | to | reason and details | outcome | correlation |\n"
    "|---:|---|---|---|---|---|---|---|---|---|\n"
    "| 5 | 2026-11-03T06:00:00.000+01:00 | otto (engineer) | setpoints approve | pot1.voltage | 4.2 | -4.3 | twin says so, \"surely\" | done | r1-4 |\n"
    "\n"
    "## Overrides: 1\n"
    "\n"
    "| no. | time | who | action | object | from | to | reason and details | outcome | correlation |\n"
    "|---:|---|---|---|---|---|---|---|---|---|\n"
    "| 6 | 2026-11-30T23:59:59.999+01:00 | otto (engineer) | override engage | pot1 | auto | hand | leak | done | r1-5 |\n"
    "\n"
    "## Thresholds, rules and options: 1\n"
    "\n"
    "| no. | time | who | action | object | from | to | reason and details | outcome | correlation |\n"
    "|---:|---|---|---|---|---|---|---|---|---|\n"
    "| 3 | 2026-11-02T06:00:00.250+01:00 | anna (operator) | set | clean.spike.k | 3 | 4 | spikes \\| \\*now\\* | done | r1-2 |\n"
    "\n"
    "## Alarms: 0\n"
    "\n"
    "None.\n"
    "\n"
    "## Configuration, start and end: 0\n"
    "\n"
    "None.\n"
    "\n"
    "## Logins, users and refusals: 2\n"
    "\n"
    "| no. | time | who | action | object | from | to | reason and details | outcome | correlation |\n"
    "|---:|---|---|---|---|---|---|---|---|---|\n"
    "| 2 | 2026-11-01T00:00:00.000+01:00 | anna (operator) | login | anna |  |  |  | done | r1-1 |\n"
    "| 4 | 2026-11-02T06:01:00.000+01:00 | =cmd() | login | =cmd() |  |  |  | refused | r1-3 |\n"
    "\n"
    "## Everything else: 0\n"
    "\n"
    "None.\n";

static const char month_as_csv[] =
    "section,sequence,time,user,role,origin,action,object,from,to,reason,outcome,correlation,detail,count\n"
    "head,,,,,,,Folder,,.,,,,,\n"
    "head,,,,,,,Graph,,\"line, hash 00ab\",,,,,\n"
    "head,,,,,,,Period,,2026-11-01T00:00:00.000+01:00 to 2026-12-01T00:00:00.000+01:00 (Europe/Berlin),,,,,\n"
    "head,,,,,,,Records,,5 of the 7 there are,,,,,\n"
    "head,,,,,,,First record,,2:bceeba986a9efd765be6e3f762109b7419605c640c5ae07c3ccb9ed8daaada84,,,,,\n"
    "head,,,,,,,Last record,,6:535562eec4b20ba59efa2204d3baaea8f9b9bf22377d63451497d9013e71ec24,,,,,\n"
    "head,,,,,,,Chain,,whole,,,,,\n"
    "head,,,,,,,Pruned before,,none,,,,,\n"
    "by user,,,,,,,anna,,,,,,,2\n"
    "by user,,,,,,,otto,,,,,,,2\n"
    "by user,,,,,,,\"'=cmd()\",,,,,,,1\n"
    "by role,,,,,,,engineer,,,,,,,2\n"
    "by role,,,,,,,operator,,,,,,,2\n"
    "by role,,,,,,,(none),,,,,,,1\n"
    "by action,,,,,,,login,,,,,,,2\n"
    "by action,,,,,,,override engage,,,,,,,1\n"
    "by action,,,,,,,set,,,,,,,1\n"
    "by action,,,,,,,setpoints approve,,,,,,,1\n"
    "by outcome,,,,,,,done,,,,,,,4\n"
    "by outcome,,,,,,,refused,,,,,,,1\n"
    "Set-point decisions,5,2026-11-03T06:00:00.000+01:00,otto,engineer,shell,setpoints approve,pot1.voltage,4.2,-4.3,\"twin says so, \"\"surely\"\"\",done,r1-4,,\n"
    "Overrides,6,2026-11-30T23:59:59.999+01:00,otto,engineer,shell,override engage,pot1,auto,hand,leak,done,r1-5,,\n"
    "\"Thresholds, rules and options\",3,2026-11-02T06:00:00.250+01:00,anna,operator,shell,set,clean.spike.k,3,4,spikes | *now*,done,r1-2,,\n"
    "\"Logins, users and refusals\",2,2026-11-01T00:00:00.000+01:00,anna,operator,shell,login,anna,,,,done,r1-1,,\n"
    "\"Logins, users and refusals\",4,2026-11-02T06:01:00.000+01:00,\"'=cmd()\",,\"shell, remote\",login,\"'=cmd()\",,,,refused,r1-3,,\n";
/* clang-format on */

static void a_month_is_reported(void **state) {
    (void)state;
    append_month();
    assert_int_equal(run("report --month 2026-11 --time-zone Europe/Berlin"), 0);
    assert_string_equal(out, month_as_markdown);
    assert_int_equal(run("report --month 2026-11 --time-zone Europe/Berlin --format csv"), 0);
    assert_string_equal(out, month_as_csv);
}

static void a_report_goes_into_a_folder(void **state) {
    (void)state;
    append_month();
    assert_int_equal(run("report --month 2026-11 --out ."), 0);
    assert_string_equal(out, "./audit-2026-11.md\n");
    assert_int_equal(run("report --month 2026-11 --format csv --out ."), 0);
    assert_string_equal(out, "./audit-2026-11.csv\n");
    struct stat info;
    char path[400];
    snprintf(path, sizeof path, "%s/audit-2026-11.md", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size > 500);
    assert_says(1, "report --month 2026-11 --out ./nowhere", "./nowhere/audit-2026-11.md: No such file");
    assert_says(0, "report --month 2026-12 --time-zone Europe/Berlin", "| Records | 1 of the 7 there are |");
    assert_says(0, "report --month 1999-12", "| Records | 0 of the 7 there are |");
}

static void a_broken_chain_is_reported_as_such(void **state) {
    (void)state;
    append_month();
    put_value(5, NULL, 0);
    assert_says(1, "report --month 2026-11", "| Chain | .: audit record 5 is missing |");
    assert_non_null(strstr(out, "clean.spike.k"));
}

static void what_is_no_month_is_refused(void **state) {
    (void)state;
    assert_says(2, "report", "--month YYYY-MM is needed");
    static const char *const wrong[] = {"2026", "2026-13", "2026-00", "26-11", "2026-1x", "2026-11-01"};
    char words[64];
    for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
        snprintf(words, sizeof words, "report --month %s", wrong[i]);
        assert_says(2, words, "is no month");
    }
    assert_says(2, "report --month 2026-11 --time-zone Europe/Nowhere", "there is no \"Europe/Nowhere\"");
    assert_says(2, "report --month 2026-11 --time-zone ../../../etc/passwd", "there is no");
    assert_says(2, "report --month 2026-11 --format pdf", "is not one of markdown, csv");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    char self[400];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return 1;
    self[length] = 0;
    snprintf(program, sizeof program, "%s/../bin/potline", dirname(self));
    const struct CMUnitTest tests[] = {
        TEST(a_removed_record_is_named),
        TEST(an_edited_record_is_named),
        TEST(swapped_records_are_named),
        TEST(a_cut_tail_is_uncovered_by_an_anchor),
        TEST(a_chain_made_anew_is_uncovered_by_an_anchor),
        TEST(what_is_pruned_is_told),
        TEST(queries_go_by_time_user_and_object),
        TEST(a_month_is_reported),
        TEST(a_report_goes_into_a_folder),
        TEST(a_broken_chain_is_reported_as_such),
        TEST(what_is_no_month_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
