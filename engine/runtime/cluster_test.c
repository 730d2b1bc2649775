/* What engines of a group say of themselves, as bytes: back as it was, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/pack.h>

#include "runtime/cluster.h"

static struct pl_cluster_engine given, taken;

static void give(void) {
    given = (struct pl_cluster_engine){.identity = "0123456789abcdef",
                                       .host = "plant-1",
                                       .pid = 42,
                                       .since = 1700000000 * PL_SECOND,
                                       .graph = UINT64_MAX,
                                       .epoch = 7,
                                       .epoch_age = PL_SECOND,
                                       .partition_count = 2,
                                       .source_count = 2,
                                       .partitions = {{0, 10, 12}, {4, -1, 0}},
                                       .sources = {"in", "plc-1"},
                                       .source_length = {2, 5}};
}

static void comes_back(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    give();
    pl_cluster_pack(&given, pack);
    assert_true(pl_cluster_unpack(pl_pack_data(pack), pl_pack_size(pack), &taken));
    assert_string_equal(taken.identity, given.identity);
    assert_string_equal(taken.host, "plant-1");
    assert_int_equal(taken.pid, 42);
    assert_int_equal(taken.since, given.since);
    assert_true(taken.graph == UINT64_MAX);
    assert_int_equal(taken.epoch, 7);
    assert_int_equal(taken.partition_count, 2);
    assert_memory_equal(taken.partitions, given.partitions, 2 * sizeof *given.partitions);
    assert_int_equal(taken.source_count, 2);
    assert_int_equal(taken.source_length[1], 5);
    assert_memory_equal(taken.sources[1], "plc-1", 5);
    pl_pack_free(pack);
}

static bool is_taken(void) {
    struct pl_pack *pack = pl_pack_new();
    pl_cluster_pack(&given, pack);
    bool good = pl_cluster_unpack(pl_pack_data(pack), pl_pack_size(pack), &taken);
    pl_pack_free(pack);
    return good;
}

static void hostile(void **state) {
    (void)state;
    give();
    assert_true(is_taken());
    strcpy(given.host, "a\033[2Jb"); /* would clear somebody's terminal */
    assert_false(is_taken());
    give();
    given.sources[0] = "\n\n";
    assert_false(is_taken());
    give();
    given.partitions[1].partition = PL_CLUSTER_PARTITIONS;
    assert_false(is_taken());
    give();
    given.partitions[1].committed = -2;
    assert_false(is_taken());
    give();
    given.epoch_age = PL_TIME_MAX;
    assert_false(is_taken());
}

/* Whatever is cut off or flipped: no more than a refusal, or another entry that keeps its limits. */
static void damaged(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    give();
    pl_cluster_pack(&given, pack);
    size_t size = pl_pack_size(pack);
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1); /* its end is where it says, for who checks memory */
        memcpy(part, pl_pack_data(pack), cut);
        assert_false(pl_cluster_unpack(part, cut, &taken));
        free(part);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        char *part = malloc(size);
        memcpy(part, pl_pack_data(pack), size);
        part[bit / 8] ^= (char)(1 << bit % 8);
        if (pl_cluster_unpack(part, size, &taken)) {
            assert_true(strlen(taken.identity) < sizeof taken.identity && strlen(taken.host) < sizeof taken.host);
            assert_true(taken.partition_count <= PL_CLUSTER_PARTITIONS && taken.source_count <= PL_CLUSTER_SOURCES);
        }
        free(part);
    }
    pl_pack_free(pack);
}

static void of_another_version(void **state) {
    (void)state;
    struct pl_pack *pack = pl_pack_new();
    give();
    pl_cluster_pack(&given, pack);
    char *bytes = malloc(pl_pack_size(pack));
    memcpy(bytes, pl_pack_data(pack), pl_pack_size(pack));
    assert_int_equal(bytes[1], 1);
    bytes[1] = 2;
    assert_false(pl_cluster_unpack(bytes, pl_pack_size(pack), &taken));
    free(bytes);
    pl_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(hostile),
        cmocka_unit_test(damaged),
        cmocka_unit_test(of_another_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
