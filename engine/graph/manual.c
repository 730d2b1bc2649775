/* manual.c: an operator's page of the manual, in man(7). */
#include <string.h>

#include "base/roff.h"
#include "catalog.h"
#include "draft.h"
#include "graph/registry.h"
#include "options.h"
#include "settings.h"

enum { PATH_TEXT = 128, LINE_TEXT = 1024 };

static void put_ports(FILE *out, const char *title, const struct pl_port *ports, bool outputs) {
    for (; ports && ports->name; ports++) {
        char kinds[PL_KINDS_TEXT], line[LINE_TEXT];
        const char *gives = outputs ? pl__gives_text(ports) : NULL;
        snprintf(line, sizeof line, "%s `%s`, %s", title, ports->name,
                 gives ? gives : pl__kinds_text(kinds, ports->kinds, "or"));
        fputs(".TP\n", out);
        pl_roff_text(out, line);
        pl_roff_text(out, ports->doc ? ports->doc : "");
    }
}

static void put_option(FILE *out, const struct pl_option *row, const char *path) {
    char range[PL_RANGE_TEXT], line[LINE_TEXT];
    pl__range_text(range, row);
    snprintf(line, sizeof line, "`%s%s`: %s%s%s; %s%s%s%s", path, row->name, pl__option_kind(row->type)->name,
             *range ? ", " : "", range, row->fallback ? "default " : "required",
             row->fallback && !*row->fallback ? "\"\"" : "", row->fallback ? row->fallback : "",
             row->when == PL_FIXED  ? ""
             : row->when == PL_LIVE ? "; live"
                                    : "; state");
    fputs(".TP\n", out);
    pl_roff_text(out, line);
    pl_roff_text(out, row->doc);
}

static void put_options(FILE *out, const struct pl_option *rows, const char *path) {
    for (; rows && rows->name; rows++) {
        put_option(out, rows, path);
        if (!rows->rows) continue;
        char inner[PATH_TEXT];
        const char *behind = rows->type == PL_TYPE_LIST ? "[]." : ".";
        if (snprintf(inner, sizeof inner, "%s%s%s", path, rows->name, behind) < (int)sizeof inner)
            put_options(out, rows->rows, inner);
    }
}

static void put_state(FILE *out, const struct pl_operator *op) {
    if (op->counters && op->counters->name) fputs(".SH COUNTERS\n", out);
    for (const struct pl_counter *counter = op->counters; counter && counter->name; counter++) {
        fprintf(out, ".TP\n\\fB%s\\fR, %s\n", counter->name, counter->unit ? counter->unit : "");
        pl_roff_text(out, counter->doc ? counter->doc : "");
    }
    if (op->gauges && op->gauges->name) fputs(".SH GAUGES\n", out);
    for (const struct pl_gauge *gauge = op->gauges; gauge && gauge->name; gauge++) {
        fprintf(out, ".TP\n\\fB%s\\fR%s%s\n", gauge->name, gauge->unit && *gauge->unit ? ", " : "",
                gauge->unit ? gauge->unit : "");
        pl_roff_text(out, gauge->doc ? gauge->doc : "");
    }
    if (op->tables && op->tables->name) fputs(".SH STATE\n", out);
    for (const struct pl_table_def *table = op->tables; table && table->name; table++) {
        fprintf(out, ".TP\n\\fB%s\\fR, version %u\n", table->name, table->version);
        pl_roff_text(out, table->doc ? table->doc : "");
    }
}

bool pl_catalog_manual(const struct pl_operator *op, FILE *out) {
    char name[PATH_TEXT];
    snprintf(name, sizeof name, "potline-%s", op->name);
    pl_roff_head(out, name, 7, op->summary);
    fprintf(out, ".SH SYNOPSIS\nNAME: { op: \\fB%s\\fR", op->name);
    if (op->inputs) fputs(", from: \\fINODE\\fR", out);
    for (const struct pl_option *row = op->options; row && row->name; row++)
        if (!row->fallback) fprintf(out, ", %s: \\fI%s\\fR", row->name, pl__option_kind(row->type)->name);
    fputs(", ... }\n.SH DESCRIPTION\n", out);
    pl_roff_text(out, op->summary);
    if (op->doc) pl_roff_paragraphs(out, op->doc);
    fprintf(out, ".PP\nScope: %s, ", pl__scope_text(op->scope));
    pl_roff_text(out, pl__scope_doc(op));
    for (const struct pl_flag_text *text = pl__flag_texts; text->name; text++)
        if (op->flags & text->flag) fputs(".PP\n", out), pl_roff_text(out, text->doc);
    if (op->guarantee) fputs(".SH GUARANTEE\n", out), pl_roff_text(out, op->guarantee);
    fputs(".SH PORTS\n", out);
    put_ports(out, "input", op->inputs, false);
    put_ports(out, "output", op->outputs, true);
    if (op->options && op->options->name) fputs(".SH OPTIONS\n", out);
    put_options(out, op->options, "");
    fputs(".SS Of every such node\n", out);
    put_options(out, pl__node_options, "");
    put_options(out, op->inputs ? pl__inner_options : pl__source_options, "");
    if (!op->outputs) put_options(out, pl__sink_options, "");
    put_state(out, op);
    fputs(".SH SEE ALSO\n.BR potline (1),\n.BR potline\\-inspect (1)\n", out);
    return !ferror(out);
}
