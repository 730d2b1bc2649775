/* The graph of a group as bytes: back as it was, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "log/kafka_board.h"
#include "runtime/group_graph.h"

static const char *set[] = {"in.rate=5/s", NULL};
static struct pl_file_text files[] = {{"plant.yaml", "potline: 1\n", 11}, {"/etc/tags.yaml", "tags: []\n", 9}};

static struct pl_group_graph given(void) {
    return (struct pl_group_graph){.number = 7,
                                   .hash = UINT64_MAX,
                                   .time = 5 * PL_SECOND,
                                   .probation = 30 * PL_SECOND,
                                   .path = "/srv/plant.yaml",
                                   .user = "anna",
                                   .how = "graph apply",
                                   .why = "",
                                   .files = files,
                                   .file_count = 2,
                                   .set = set};
}

static void comes_back(void **state) {
    (void)state;
    struct pl_group_graph said = given(), taken;
    struct pl_pack *pack = pl_pack_new();
    assert_int_equal(pl_group_graph_pack(&said, pack, NULL), PL_OK);
    assert_true(pl_group_graph_unpack(pl_pack_data(pack), pl_pack_size(pack), &taken));
    assert_int_equal(taken.number, 7);
    assert_true(taken.hash == UINT64_MAX);
    assert_int_equal(taken.probation, 30 * PL_SECOND);
    assert_false(taken.lenient);
    assert_string_equal(taken.user, "anna");
    assert_int_equal(taken.file_count, 2);
    assert_string_equal(taken.files[1].path, "/etc/tags.yaml");
    assert_string_equal(taken.files[0].text, "potline: 1\n");
    assert_int_equal(taken.files[0].length, 11);
    assert_string_equal(taken.set[0], "in.rate=5/s");
    assert_null(taken.set[1]);
    pl_group_graph_fini(&taken);
    pl_pack_free(pack);
}

/* Whatever is cut off or flipped: no more than a refusal, or another entry that keeps its limits. */
static void damaged(void **state) {
    (void)state;
    struct pl_group_graph said = given(), taken;
    struct pl_pack *pack = pl_pack_new();
    assert_int_equal(pl_group_graph_pack(&said, pack, NULL), PL_OK);
    size_t size = pl_pack_size(pack);
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1); /* its end is where it says, for who checks memory */
        memcpy(part, pl_pack_data(pack), cut);
        assert_false(pl_group_graph_unpack(part, cut, &taken));
        pl_group_graph_fini(&taken);
        free(part);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        char *part = malloc(size);
        memcpy(part, pl_pack_data(pack), size);
        part[bit / 8] ^= (char)(1 << bit % 8);
        if (pl_group_graph_unpack(part, size, &taken)) assert_true(taken.file_count > 0 && taken.probation >= 0);
        pl_group_graph_fini(&taken);
        free(part);
    }
    pl_pack_free(pack);
}

static void too_much(void **state) {
    (void)state;
    char *text = malloc(PL_BOARD_ENTRY + 1);
    memset(text, '#', PL_BOARD_ENTRY);
    text[PL_BOARD_ENTRY] = 0;
    struct pl_file_text large = {"large.yaml", text, PL_BOARD_ENTRY};
    struct pl_group_graph said = given();
    struct pl_pack *pack = pl_pack_new();
    struct pl_error *error = NULL;
    said.files = &large;
    said.file_count = 1;
    assert_int_equal(pl_group_graph_pack(&said, pack, &error), PL_LIMIT);
    pl_error_free(&error);
    pl_pack_free(pack);
    free(text);
}

static void secrets_are_not_lent(void **state) {
    (void)state;
    static const char *const told[] = {"log.settings=[ { name: sasl.password, value: hush } ]", NULL};
    struct pl_graph graph = {.set = told, .files = files, .file_count = 2};
    struct pl_group_graph said = {0};
    struct pl_error *error = NULL;
    assert_int_equal(pl_group_graph_lend(&graph, &said, &error), PL_USAGE);
    assert_non_null(strstr(error->text, "log.settings"));
    assert_null(strstr(error->text, "hush"));
    pl_error_free(&error);
    graph.set = (const char *const *)set;
    assert_int_equal(pl_group_graph_lend(&graph, &said, NULL), PL_OK);
    pl_group_graph_loan_end(&said);
}

static void keys(void **state) {
    (void)state;
    char key[PL_BOARD_KEY];
    pl_group_graph_put_key(key, sizeof key, 12, "0123456789abcdef");
    assert_int_equal(pl_group_graph_key(key), 12);
    static const char *const none[] = {
        "",           "graph/",    "graph/7",          "graph/x/a",
        "graph/-7/a", "graph/0/a", "0123456789abcdef", "graph/99999999999999999999999/a"};
    for (size_t i = 0; i < PL_COUNT_OF(none); i++)
        assert_int_equal(pl_group_graph_key(none[i]), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),           cmocka_unit_test(damaged), cmocka_unit_test(too_much),
        cmocka_unit_test(secrets_are_not_lent), cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
