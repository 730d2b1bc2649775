/* What every option table and every port of an operator must keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <potline/alloc.h>

#include "graph/graph.h"
#include "graph/options.h"
#include "graph/registry.h"
#include "graph/settings.h"

static bool is_name(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return name[0] >= 'a' && name[0] <= 'z' && !name[length] && length < 40;
}

/* ---- Options ---- */

static void check_number(const char *op, const struct pl_option *row) {
    const struct pl_option_kind *kind = pl__option_kind(row->type);
    union pl_option_number low, high;
    if (row->low && !kind->parse(row->low, &low)) fail_msg("%s: %s: its low end \"%s\"", op, row->name, row->low);
    if (row->high && !kind->parse(row->high, &high)) fail_msg("%s: %s: its high end \"%s\"", op, row->name, row->high);
    if (!row->low || !row->high) return;
    bool order = kind->real ? low.real <= high.real : low.integer <= high.integer;
    if (!order) fail_msg("%s: %s: %s is above %s", op, row->name, row->low, row->high);
}

static void check_choices(const char *op, const struct pl_option *row) {
    unsigned count = 0;
    while (row->choices && row->choices[count])
        count++;
    if (count == 0) fail_msg("%s: %s has no choices", op, row->name);
    if (row->type == PL_TYPE_SET && count > 32) fail_msg("%s: %s has more than 32 choices", op, row->name);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            if (strcmp(row->choices[i], row->choices[k]) == 0)
                fail_msg("%s: %s: %s is there twice", op, row->name, row->choices[i]);
}

static void check_rows(const char *op, const struct pl_option *rows) {
    for (const struct pl_option *row = rows; row && row->name; row++) {
        if (!is_name(row->name)) fail_msg("%s: \"%s\" is no name for an option", op, row->name);
        for (const struct pl_option *other = rows; other != row; other++)
            if (strcmp(other->name, row->name) == 0) fail_msg("%s: option %s is there twice", op, row->name);
        if (pl__option_kind(row->type)->parse) check_number(op, row);
        if (row->type == PL_TYPE_CHOICE || row->type == PL_TYPE_SET) check_choices(op, row);
        if (row->type == PL_TYPE_LIST && row->item_size == 0) fail_msg("%s: %s has records of no size", op, row->name);
        if (row->rows) check_rows(op, row->rows);
    }
}

/* What the loader reads besides the operator's options would never reach it. */
static void check_not_common(const struct pl_operator *op) {
    const struct pl_option *const common[] = {pl__node_options, op->inputs ? NULL : pl__source_options,
                                              op->outputs ? NULL : pl__sink_options};
    for (const struct pl_option *row = op->options; row && row->name; row++) {
        bool taken =
            strcmp(row->name, "op") == 0 || strcmp(row->name, "from") == 0 || strcmp(row->name, "foreach") == 0;
        for (size_t i = 0; i < PL_COUNT_OF(common); i++)
            taken = taken || pl__option_find(common[i], row->name);
        if (taken) fail_msg("%s: its option %s has the name of an option that nodes have anyway", op->name, row->name);
    }
}

/* Each default by itself is read without a complaint. */
static void check_defaults(const struct pl_operator *op) {
    for (const struct pl_option *row = op->options; row && row->name; row++) {
        if (!row->fallback) continue;
        const struct pl_option rows[] = {*row, PL_OPT_END};
        const struct pl_operator alone = {.name = op->name, .options = rows};
        struct pl_options_owner *owner = NULL;
        struct pl_error *error = NULL;
        void *self = pl_alloc_aligned(64, op->instance_size);
        assert_non_null(self);
        memset(self, 0, op->instance_size);
        if (pl_options_parse(&alone, NULL, self, &owner, &error))
            fail_msg("%s: the default of %s: %s", op->name, row->name, error->text);
        pl_options_free(owner);
        pl_free(self);
    }
}

/* ---- Ports ---- */

static void check_names(const struct pl_operator *op, const struct pl_port *ports) {
    for (const struct pl_port *port = ports; port && port->name; port++) {
        if (!is_name(port->name)) fail_msg("%s: \"%s\" is no name for a port", op->name, port->name);
        if (!port->doc) fail_msg("%s: port %s has no doc", op->name, port->name);
        if (!port->kinds || port->kinds & ~PL_SET_ALL) fail_msg("%s: port %s has no kinds", op->name, port->name);
        for (const struct pl_port *other = ports; other != port; other++)
            if (strcmp(other->name, port->name) == 0) fail_msg("%s: port %s is there twice", op->name, port->name);
    }
}

static void check_outputs(const struct pl_operator *op) {
    for (const struct pl_port *port = op->outputs; port && port->name; port++) {
        const struct pl_option *kind = pl__option_find(op->options, "kind");
        bool single = (port->kinds & (port->kinds - 1)) == 0;
        if (port->gives == PL_PORT_FIXED && !single) fail_msg("%s: %s gives several kinds", op->name, port->name);
        if (port->gives == PL_PORT_SAME && (!op->inputs || op->inputs[0].kinds & ~port->kinds))
            fail_msg("%s: %s gives what input 0 gets, which may be more than it declares", op->name, port->name);
        if (port->gives == PL_PORT_OPTION && (!kind || kind->type != PL_TYPE_CHOICE))
            fail_msg("%s: %s gives what a CHOICE `kind` names, and there is none", op->name, port->name);
    }
}

static void for_each(void (*rule)(const struct pl_operator *op)) {
    for (unsigned i = 0; i < pl_registry_count(); i++)
        rule(pl_registry_get(i));
}

static void tables_are_well_formed(void **state) {
    (void)state;
    for (unsigned i = 0; i < pl_registry_count(); i++)
        check_rows(pl_registry_get(i)->name, pl_registry_get(i)->options);
    check_rows("graph", pl__graph_options);
    check_rows("node", pl__node_options);
    check_rows("source", pl__source_options);
    check_rows("sink", pl__sink_options);
    check_rows("tag", pl__tag_options);
}

static void no_option_hides_a_common_one(void **state) {
    (void)state;
    for_each(check_not_common);
}

static void defaults_are_valid(void **state) {
    (void)state;
    for_each(check_defaults);
}

static void ports_are_well_formed(void **state) {
    (void)state;
    for (unsigned i = 0; i < pl_registry_count(); i++) {
        check_names(pl_registry_get(i), pl_registry_get(i)->inputs);
        check_names(pl_registry_get(i), pl_registry_get(i)->outputs);
    }
    for_each(check_outputs);
}

static int load(void **state) {
    (void)state;
    pl_registry_load();
    assert_true(pl_registry_count() > 0);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_well_formed),
        cmocka_unit_test(no_option_hides_a_common_one),
        cmocka_unit_test(defaults_are_valid),
        cmocka_unit_test(ports_are_well_formed),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
