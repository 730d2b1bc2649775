/* catalog.h: what the option tables and descriptors say, for readers: people, editors, programs.
 *
 *     catalog.c    JSON (schemas/operators.json)          reference.c    Markdown (docs/operators.md)
 *     schema.c     JSON Schema of graph and test files    describe.c     text for a terminal
 *     manual.c     a page of man(7)
 *
 * All of it comes from the registry, so what is printed depends on the plugins found. Each returns false without
 * memory.
 */
#ifndef POTLINE_GRAPH_CATALOG_H
#define POTLINE_GRAPH_CATALOG_H

#include <stdio.h>

#include <potline/operator.h>

bool pl_catalog_json(const struct pl_operator *op, FILE *out); /* NULL: all of them, and the options of graphs */
bool pl_catalog_schema(FILE *out);
bool pl_catalog_test_schema(FILE *out); /* of test files (trial.h) */
bool pl_catalog_markdown(FILE *out);
bool pl_catalog_manual(const struct pl_operator *op, FILE *out);
void pl_catalog_list(FILE *out); /* a line each */
void pl_catalog_describe(const struct pl_operator *op, FILE *out);

/* ---- Words for all of them ---- */

enum { PL_RANGE_TEXT = 600 };
const char *pl__range_text(char buffer[PL_RANGE_TEXT], const struct pl_option *row); /* "1ms to 30d", "a, b"; "" */
const char *pl__when_text(enum pl_option_when when);                                 /* "fixed", "live", "state" */
const char *pl__scope_text(enum pl_scope scope);                                     /* "keyed", "global", "either" */
const char *pl__scope_doc(const struct pl_operator *op);
const char *pl__gives_text(const struct pl_port *port); /* "windows", "the kind it gets", "the kind of option kind" */
const char *pl__plugin_name(const struct pl_operator *op); /* file name without its folder */

/* What `flags` mean, a sentence each; ends in NULL. */
struct pl_flag_text {
    unsigned flag;
    const char *name, *doc;
};
extern const struct pl_flag_text pl__flag_texts[];

#endif
