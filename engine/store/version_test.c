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

static struct pl_version published(pl_time when, struct pl_version_span *spans, unsigned count) {
    return (struct pl_version){.published = when, .spans = spans, .span_count = count};
}

static void pieces_are(const struct pl_version *versions, unsigned count, pl_time from, pl_time to,
                       const struct pl_version_piece *want, unsigned want_count) {
    struct pl_version_piece *pieces;
    unsigned found;
    assert_int_equal(pl_versions_divide(versions, count, PL_GOLD, from, to, &pieces, &found), PL_OK);
    assert_int_equal(found, want_count);
    for (unsigned i = 0; i < found; i++) {
        assert_int_equal(pieces[i].version, want[i].version);
        assert_int_equal(pieces[i].from, want[i].from);
        assert_int_equal(pieces[i].to, want[i].to);
    }
    pl_free(pieces);
}

static void the_last_published_answers(void **state) {
    (void)state;
    struct pl_version_span first[] = {{PL_SILVER, 0, 1000}, {PL_GOLD, 100, 200}, {PL_GOLD, 300, 400}};
    struct pl_version_span second[] = {{PL_GOLD, 150, 350}};
    struct pl_version_span hidden[] = {{PL_GOLD, 0, 1000}};
    struct pl_version all[] = {published(7, first, 3), published(9, second, 1), published(0, hidden, 1)};
    pieces_are(all, 0, PL_TIME_MIN, PL_TIME_MAX, (struct pl_version_piece[]){{-1, PL_TIME_MIN, PL_TIME_MAX}}, 1);
    pieces_are(all, 3, PL_TIME_MIN, PL_TIME_MAX,
               (struct pl_version_piece[]){{-1, PL_TIME_MIN, 100},
                                           {0, 100, 150},
                                           {1, 150, 350},
                                           {0, 350, 400},
                                           {-1, 400, PL_TIME_MAX}},
               5);
    pieces_are(all, 3, 120, 130, (struct pl_version_piece[]){{0, 120, 130}}, 1);
    pieces_are(all, 3, 200, 400, (struct pl_version_piece[]){{1, 200, 350}, {0, 350, 400}}, 2);
    all[1].published = 5; /* now the first is the later one */
    pieces_are(all, 3, 100, 400, (struct pl_version_piece[]){{0, 100, 200}, {1, 200, 300}, {0, 300, 400}}, 3);
    pieces_are(all, 3, 400, 400, NULL, 0);
}

/* ---- Kept ---- */

static void a_version_says_what_it_is(void **state) {
    (void)state;
    char *data = make_folder(), *path = pl_version_path(data, "v1");
    struct pl_store *store;
    struct pl_error *error = NULL;
    struct pl_version *versions;
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
    struct pl_version_node nodes[] = {{"win", "window.tumbling", "1.1", 7, false}, {"gold", "sink.lake", "1.0", 8, true}};
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
    assert_string_equal(versions->name, "v1");
    assert_string_equal(versions->graph, "plant");
    assert_string_equal(versions->nodes[1].plugin, "1.0");
    assert_int_equal(versions->spans[0].to, 6);
    assert_true(pl_version_counts(versions, "gold"));
    assert_false(pl_version_counts(versions, "win"));
    assert_false(pl_version_counts(versions, "other"));
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
        cmocka_unit_test(the_last_published_answers),
        cmocka_unit_test(a_version_says_what_it_is),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
