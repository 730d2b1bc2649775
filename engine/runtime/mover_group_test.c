/* What an engine of a group runs, between engines: as the group was told it, or as it was; what the group is told of is
 * a few functions here (engine/CMakeLists.txt). */
#include "graph/testing_graph.h"
#include "runtime/cluster.h"
#include "runtime/mover_impl.h"

#define NODES(source) HEAD "nodes:\n  in: { op: " source " }\n  out: { op: t.file, from: in }\n"

static char own_text[] = NODES("t.source"), more_text[] = NODES("t.source, path: x"), wrong_text[] = NODES("t.none");
static struct pl_file_text file = {.path = "g.yaml"};
static struct pl_group_graph told; /* number 0: nothing has been */
static unsigned said_back;
static struct pl_mover *mover;
static const struct pl_graph *graph;

void __wrap_pl_cluster_on_graph(struct pl_cluster *cluster, void (*heard)(void *arg), void *arg);
bool __wrap_pl_cluster_graph(struct pl_cluster *cluster, struct pl_group_graph *said, bool *own);
enum pl_code __wrap_pl_cluster_catch_up(struct pl_cluster *cluster, pl_time wait, struct pl_error **error);
enum pl_code __wrap_pl_cluster_say_graph(struct pl_cluster *cluster, uint64_t number, const void *bytes, size_t size,
                                         struct pl_error **error);

void __wrap_pl_cluster_on_graph(struct pl_cluster *cluster, void (*heard)(void *arg), void *arg) {
    (void)cluster, (void)heard, (void)arg;
}

bool __wrap_pl_cluster_graph(struct pl_cluster *cluster, struct pl_group_graph *said, bool *own) {
    (void)cluster;
    *own = false;
    *said = (struct pl_group_graph){0};
    if (!told.number) return false;
    struct pl_pack *pack = pl_pack_new();
    assert_int_equal(pl_group_graph_pack(&told, pack, NULL), PL_OK);
    assert_true(pl_group_graph_unpack(pl_pack_data(pack), pl_pack_size(pack), said));
    pl_pack_free(pack);
    return true;
}

enum pl_code __wrap_pl_cluster_catch_up(struct pl_cluster *cluster, pl_time wait, struct pl_error **error) {
    (void)cluster, (void)wait, (void)error;
    return PL_OK;
}

enum pl_code __wrap_pl_cluster_say_graph(struct pl_cluster *cluster, uint64_t number, const void *bytes, size_t size,
                                         struct pl_error **error) {
    (void)cluster, (void)number, (void)bytes, (void)size, (void)error;
    said_back++;
    return PL_OK;
}

static void tell(uint64_t number, char *text) {
    file.text = text;
    file.length = strlen(text);
    told = (struct pl_group_graph){.number = number,
                                   .hash = 1, /* its environment is another one */
                                   .path = "g.yaml",
                                   .user = "",
                                   .how = "graph apply",
                                   .why = "",
                                   .files = &file,
                                   .file_count = 1};
}

static int setup(void **state) {
    (void)state;
    graph = good(own_text);
    said_back = 0;
    told.number = 0;
    assert_int_equal(pl_mover_new(&(struct pl_mover_options){.graph = graph, .path = "g.yaml"}, &mover, NULL), PL_OK);
    pl_mover_join(mover, (struct pl_cluster *)&told, NULL, NULL); /* which nobody looks into */
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pl_mover_free(mover);
    pl_graph_unref(graph);
    return 0;
}

static bool is_agreed(void) {
    bool lenient = false, agreed = false;
    struct pl_error *error = NULL;
    assert_int_equal(pl_mover_settle(mover, &graph, &lenient, &agreed, &error), PL_OK);
    assert_null(error);
    return agreed;
}

static void nothing_is_agreed_until_it_is_said(void **state) {
    (void)state;
    assert_false(is_agreed());
}

static void what_was_said_is_agreed_where_it_is_not_quite_the_same_too(void **state) {
    (void)state;
    const uint64_t before = graph->hash;
    tell(1, more_text);
    assert_true(is_agreed());
    assert_true(graph->hash != before && graph->hash != told.hash);
    assert_true(is_agreed()); /* of an engine that is made anew, too */
}

static void what_is_refused_is_not(void **state) {
    (void)state;
    const struct pl_graph *before = graph;
    tell(1, wrong_text);
    mover->begun = true;
    assert_false(is_agreed());
    assert_ptr_equal(graph, before);
    assert_int_equal(said_back, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_agreed_until_it_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_said_is_agreed_where_it_is_not_quite_the_same_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, add_operators, NULL);
}
