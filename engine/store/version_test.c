#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "folder_testing.h"
#include "version.h"

static void names_are_plain(void **state) {
    (void)state;
    assert_true(pl_version_name_fits("finer-2.1_b"));
    static const char *const wrong[] = {"", ".", "..", "../x", "a/b", "Fine", "-a", "a b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(pl_version_name_fits(wrong[i]));
    char longest[PL_VERSION_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[PL_VERSION_NAME_MAX + 1] = 0;
    assert_false(pl_version_name_fits(longest));
    longest[PL_VERSION_NAME_MAX] = 0;
    assert_true(pl_version_name_fits(longest));
}

/* ---- Who answers ---- */

static struct pl_version_node gold = {.name = "gold", .was = "", .op = "sink.lake", .plugin = "1", .counts = true};
static struct pl_version_node renamed = {
    .name = "gold", .was = "old", .op = "sink.lake", .plugin = "1", .counts = true};
static struct pl_version_node other = {.name = "other", .was = "", .op = "sink.lake", .plugin = "1", .counts = true};

static void the_last_published_that_has_the_node_answers(void **state) {
    (void)state;
    struct pl_version_span spans[] = {{PL_SILVER, 0, 1000}, {PL_GOLD, 100, 200}, {PL_GOLD, 300, 400}};
    struct pl_version_span whole[] = {{PL_GOLD, 150, 350}};
    struct pl_version first = {.published = 7, .nodes = &gold, .node_count = 1, .spans = spans, .span_count = 3};
    struct pl_version second = {.published = 9, .nodes = &renamed, .node_count = 1, .spans = whole, .span_count = 1};
    struct pl_version third = {.published = 11, .nodes = &other, .node_count = 1, .spans = whole, .span_count = 1};
    const struct pl_version *all[] = {&first, &second, &third};
    static const struct {
        pl_time time;
        int answer;
    } want[] = {{99, -1}, {100, 0}, {149, 0}, {150, 1}, {200, 1}, {349, 1}, {350, 0}, {399, 0}, {400, -1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(pl_versions_answer(all, 3, PL_GOLD, "gold", want[i].time), want[i].answer);
    assert_int_equal(pl_versions_answer(all, 3, PL_GOLD, "old", 160), 1);
    assert_int_equal(pl_versions_answer(all, 3, PL_GOLD, "other", 160), 2);
    assert_int_equal(pl_versions_answer(all, 3, PL_SILVER, "gold", 160), 0);
    assert_int_equal(pl_versions_answer(all, 3, PL_GOLD, "alarms", 160), -1);
    assert_int_equal(pl_versions_answer(all, 0, PL_GOLD, "gold", 160), -1);
}

/* ---- Kept ---- */

static void a_version_says_what_it_is(void **state) {
    (void)state;
    char *data = make_folder(), *path = pl_version_path(data, "v1");
    struct pl_store *store;
    struct pl_error *error = NULL;
    struct pl_version_entry *versions;
    unsigned count;
    assert_int_equal(pl_versions_list(data, NULL, &versions, &count, &error), PL_OK);
    assert_int_equal(count, 0);
    pl_versions_free(versions, count);

    char parent[512];
    snprintf(parent, sizeof parent, "%s/versions", data);
    assert_int_equal(mkdir(parent, 0700), 0);
    struct pl_store_options options = {0};
    assert_int_equal(pl_store_open(path, &options, &store, &error), PL_OK);
    pl_store_close(store);
    assert_int_equal(pl_versions_list(data, NULL, &versions, &count, &error), PL_OK);
    assert_int_equal(count, 0); /* not finished */
    pl_versions_free(versions, count);

    struct pl_version_span span = {PL_GOLD, 5, 6};
    struct pl_version_node nodes[] = {{"win", "", "window.tumbling", "1.1", 7, false},
                                      {"gold", "", "sink.lake", "1.0", 8, true}};
    struct pl_version made = {.made = 1,
                              .published = 2,
                              .engine = "0.1.0",
                              .graph = "plant",
                              .hash = 3,
                              .rows = 4,
                              .repair = true,
                              .nodes = nodes,
                              .node_count = 2,
                              .spans = &span,
                              .span_count = 1};
    assert_int_equal(pl_store_open(path, &options, &store, &error), PL_OK);
    assert_int_equal(pl_version_write(store, &made, &error), PL_OK);
    pl_store_close(store);
    assert_int_equal(pl_versions_list(data, NULL, &versions, &count, &error), PL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(versions->version.name, "v1");
    assert_string_equal(versions->version.graph, "plant");
    assert_string_equal(versions->version.nodes[1].plugin, "1.0");
    assert_int_equal(versions->version.spans[0].to, 6);
    assert_true(pl_version_counts(&versions->version, "gold"));
    assert_false(pl_version_counts(&versions->version, "win"));
    assert_false(pl_version_counts(&versions->version, "other"));
    pl_versions_free(versions, count);
    pl_free(path);
    remove_folder(data);
}

/* Every single bit of what it says: found, and nothing worse. */
static void damage_is_found(void **state) {
    (void)state;
    char *data = make_folder();
    struct pl_store *store;
    struct pl_error *error = NULL;
    struct pl_store_options options = {0};
    struct pl_version made = {.engine = "0.1.0", .graph = "plant"}, read;
    void *value;
    size_t size;
    char *message = NULL;
    assert_int_equal(pl_store_open(data, &options, &store, &error), PL_OK);
    assert_int_equal(pl_version_write(store, &made, &error), PL_OK);
    assert_int_equal(pl_store_get(store, PL_STORE_META, "version", 8, &value, &size, &error), PL_OK);
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    for (size_t bit = 0; bit < 8 * size; bit++) {
        ((uint8_t *)value)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        rocksdb_put_cf(store->db, write, store->family[PL_STORE_META], "version", 8, value, size, &message);
        assert_null(message);
        assert_int_equal(pl_version_read(store, &read, &error), PL_CORRUPT);
        pl_error_free(&error);
        ((uint8_t *)value)[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    rocksdb_writeoptions_destroy(write);
    pl_free(value);
    pl_store_close(store);
    remove_folder(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(the_last_published_that_has_the_node_answers),
        cmocka_unit_test(a_version_says_what_it_is),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
