#include "scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "number.h"

enum { TEXT_MAX = 4096, ROUNDS = 3000 };

static uint32_t random_state = 1;

static uint32_t next_random(uint32_t below) {
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * below >> 32);
}

/* The rule itself, a byte at a time. */
static uint32_t index_plainly(const struct pl_scan *rule, const char *text, uint32_t length, uint32_t *index) {
    bool quoted = false;
    uint32_t count = 0, start = 0, closed = PL_SCAN_NOWHERE;
    for (uint32_t i = 0; i < length; i++) {
        if (rule->quote && text[i] == rule->quote) {
            if (quoted) {
                quoted = false;
                closed = i;
            } else if (i == start || i == closed + 1) {
                quoted = true;
            }
            continue;
        }
        bool line_end = text[i] == '\n';
        if (!line_end && text[i] != rule->delimiter && text[i] != rule->blank) continue;
        if (quoted && (!line_end || rule->multiline)) continue;
        index[count++] = i;
        start = i + 1;
        quoted = false;
    }
    return count;
}

static void fill(char *text, uint32_t length, unsigned quotes_per_mille) {
    static const char letters[] = "0123456789.-abcdefgh\"";
    for (uint32_t i = 0; i < length; i++) {
        uint32_t kind = next_random(1000);
        if (kind < 100)
            text[i] = ',';
        else if (kind < 130)
            text[i] = '\n';
        else if (kind < 130 + quotes_per_mille)
            text[i] = '"';
        else
            text[i] = letters[next_random(20)];
    }
}

/* In pieces of random length, with little room in the index. */
static uint32_t index_in_pieces(struct pl_scan *scan, const char *text, uint32_t length, uint32_t *index) {
    uint32_t count = 0, to = 0;
    while (scan->at < length) {
        if (scan->at == to) to += 1 + next_random(200);
        if (to > length) to = length;
        count += pl_scan_index(scan, text, to, index + count, PL_SCAN_ROOM + next_random(40));
    }
    return count;
}

static void every_level_follows_the_rule(void **state) {
    (void)state;
    static const enum pl_scan_level levels[] = {PL_SCAN_BEST, PL_SCAN_AVX2, PL_SCAN_SSE2, PL_SCAN_PLAIN};
    static char text[TEXT_MAX + PL_SLACK];
    static uint32_t expected[TEXT_MAX + PL_SCAN_ROOM], index[TEXT_MAX + 2 * PL_SCAN_ROOM];
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t length = next_random(round < 100 ? 70 : TEXT_MAX / 4);
        fill(text, length, round % 3 == 0 ? 0 : round % 3 == 1 ? 3 : 60);
        memset(text + length, ',', PL_SLACK);
        struct pl_scan rule = {
            .delimiter = ',', .blank = round % 5 ? ',' : 'a', .quote = round % 7 ? '"' : 0, .multiline = round % 2};
        uint32_t count = index_plainly(&rule, text, length, expected);
        for (unsigned i = 0; i < 4; i++) {
            struct pl_scan scan = rule;
            if (!pl_scan_init(&scan, levels[i])) continue;
            assert_int_equal(index_in_pieces(&scan, text, length, index), count);
            assert_memory_equal(index, expected, count * sizeof(*index));
        }
    }
}

static void the_text_may_move(void **state) {
    (void)state;
    char text[128 + PL_SLACK] = "12345,\"a,b\"\"c\n\",next\n";
    uint32_t index[128 + PL_SCAN_ROOM], length = (uint32_t)strlen(text);
    for (uint32_t cut = 6; cut < length; cut++) {
        struct pl_scan scan = {.delimiter = ',', .blank = ',', .quote = '"', .multiline = true};
        char moved[128 + PL_SLACK];
        pl_scan_init(&scan, PL_SCAN_BEST);
        memcpy(moved, text, sizeof(text));
        assert_int_equal(pl_scan_index(&scan, moved, cut, index, 128), cut > 15 ? 2 : 1);
        memmove(moved, moved + 6, sizeof(moved) - 6);
        pl_scan_shift(&scan, 6);
        assert_int_equal(pl_scan_index(&scan, moved, length - 6, index, 128), cut > 15 ? 1 : 2);
        assert_int_equal(index[cut > 15 ? 0 : 1], length - 7);
        assert_int_equal(scan.hidden, 1);
    }
}

static void a_stray_quote_is_text(void **state) {
    (void)state;
    const char text[128] = "24\" pipe,5'6\",\"ok\"\n";
    uint32_t index[128];
    struct pl_scan scan = {.delimiter = ',', .blank = ',', .quote = '"', .multiline = true};
    pl_scan_init(&scan, PL_SCAN_BEST);
    assert_int_equal(pl_scan_index(&scan, text, 19, index, 128), 3);
    assert_int_equal(index[0], 8);
    assert_int_equal(index[1], 13);
    assert_int_equal(index[2], 18);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_follows_the_rule),
        cmocka_unit_test(the_text_may_move),
        cmocka_unit_test(a_stray_quote_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
