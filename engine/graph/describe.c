/* describe.c: operators as text for a terminal. */
#include <string.h>

#include "catalog.h"
#include "draft.h"
#include "graph/registry.h"
#include "options.h"
#include "settings.h"

enum { WIDTH = 100, PATH_TEXT = 128 };

void pl_catalog_list(FILE *out) {
    size_t longest = 0;
    for (unsigned i = 0; i < pl_registry_count(); i++) {
        size_t length = strlen(pl_registry_get(i)->name);
        if (length > longest) longest = length;
    }
    for (unsigned i = 0; i < pl_registry_count(); i++)
        fprintf(out, "%-*s  %s\n", (int)longest, pl_registry_get(i)->name, pl_registry_get(i)->summary);
}

/* Text in lines of at most WIDTH, each behind `indent` spaces; a line end in it is a space, an empty line stays. */
static void wrap(FILE *out, int indent, const char *text) {
    int column = 0;
    while (*text) {
        size_t gap = strspn(text, " \n");
        if (column && strncmp(text, "\n\n", 2) == 0) {
            fputs("\n\n", out);
            column = 0;
        }
        text += gap;
        size_t word = strcspn(text, " \n");
        if (word == 0) break;
        if (column && column + 1 + (int)word > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column +=
            column ? fprintf(out, " %.*s", (int)word, text) : fprintf(out, "%*s%.*s", indent, "", (int)word, text);
        text += word;
    }
    fputc('\n', out);
}

static void describe_ports(FILE *out, const char *title, const struct pl_port *ports, bool outputs) {
    if (!ports) return;
    fprintf(out, "\n%s\n", title);
    for (; ports->name; ports++) {
        char kinds[PL_KINDS_TEXT];
        const char *gives = outputs ? pl__gives_text(ports) : NULL;
        fprintf(out, "  %-20s %s\n", ports->name, gives ? gives : pl__kinds_text(kinds, ports->kinds, "or"));
        if (ports->doc) wrap(out, 23, ports->doc);
    }
}

static void describe_options(FILE *out, const struct pl_option *rows, const char *path) {
    for (; rows && rows->name; rows++) {
        char range[PL_RANGE_TEXT], name[PATH_TEXT];
        snprintf(name, sizeof name, "%s%s", path, rows->name);
        pl__range_text(range, rows);
        fprintf(out, "  %-20s %s%s%s; ", name, pl__option_kind(rows->type)->name, *range ? ", " : "", range);
        if (!rows->fallback)
            fputs("required", out);
        else
            fprintf(out, "default %s", *rows->fallback ? rows->fallback : "\"\"");
        fprintf(out, "%s%s\n", rows->when == PL_FIXED ? "" : "; ",
                rows->when == PL_FIXED ? "" : pl__when_text(rows->when));
        wrap(out, 23, rows->doc);
        if (!rows->rows) continue;
        snprintf(name, sizeof name, "%s%s%s", path, rows->name, rows->type == PL_TYPE_LIST ? "[]." : ".");
        describe_options(out, rows->rows, name);
    }
}

static void describe_state(FILE *out, const struct pl_operator *op) {
    if (op->counters && op->counters->name) fputs("\nCounters\n", out);
    for (const struct pl_counter *counter = op->counters; counter && counter->name; counter++) {
        fprintf(out, "  %-20s %s\n", counter->name, counter->unit ? counter->unit : "");
        if (counter->doc) wrap(out, 23, counter->doc);
    }
    if (op->gauges && op->gauges->name) fputs("\nGauges\n", out);
    for (const struct pl_gauge *gauge = op->gauges; gauge && gauge->name; gauge++) {
        fprintf(out, "  %-20s %s\n", gauge->name, gauge->unit ? gauge->unit : "");
        if (gauge->doc) wrap(out, 23, gauge->doc);
    }
    if (op->tables && op->tables->name) fputs("\nState tables\n", out);
    for (const struct pl_table_def *table = op->tables; table && table->name; table++) {
        fprintf(out, "  %-20s version %u\n", table->name, table->version);
        if (table->doc) wrap(out, 23, table->doc);
    }
}

void pl_catalog_describe(const struct pl_operator *op, FILE *out) {
    fprintf(out, "%s: %s\n", op->name, op->summary);
    if (op->doc) {
        fputc('\n', out);
        wrap(out, 0, op->doc);
    }
    fprintf(out, "\n  %-20s %s\n  %-20s %s, %s\n", "plugin", pl_registry_plugin(op), "scope", pl__scope_text(op->scope),
            pl__scope_doc(op));
    for (const struct pl_flag_text *text = pl__flag_texts; text->name; text++)
        if (op->flags & text->flag) fprintf(out, "  %-20s %s\n", text->name, text->doc);
    if (op->guarantee) {
        fputs("  guarantee\n", out);
        wrap(out, 23, op->guarantee);
    }
    describe_ports(out, "Inputs", op->inputs, false);
    describe_ports(out, "Outputs", op->outputs, true);
    fputs("\nOptions\n", out);
    describe_options(out, op->options, "");
    fputs("\nOptions of every such node\n", out);
    describe_options(out, pl__node_options, "");
    if (!op->inputs) describe_options(out, pl__source_options, "");
    if (!op->outputs) describe_options(out, pl__sink_options, "");
    if (op->inputs) describe_options(out, pl__inner_options, "");
    describe_state(out, op);
}
