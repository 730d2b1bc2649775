/* export_postgres.h: rows of an export into a table of PostgreSQL: by the operator sink.postgres, run by a harness.
 *
 * An export is one transaction, and takes the place of what the same export has written before: interrupted it leaves
 * nothing, and repeated it doubles nothing.
 */
#ifndef POTLINE_CLI_EXPORT_POSTGRES_H
#define POTLINE_CLI_EXPORT_POSTGRES_H

#include <potline/batch.h>
#include <potline/codec.h>
#include <potline/error.h>

struct pl__export_postgres_options {
    const char *url;
    const char *table;
    const char *job;  /* which export it is */
    bool nanoseconds; /* else timestamps */
};

struct pl__export_postgres;

enum pl_code pl__export_postgres_new(const struct pl__export_postgres_options *options, enum pl_kind kind,
                                     uint32_t names_max, struct pl__export_postgres **target, struct pl_error **error);
void pl__export_postgres_free(struct pl__export_postgres *target); /* without an end before: nothing is written */

/* `codec` knows the names in the batch, which is borrowed. */
enum pl_code pl__export_postgres_put(struct pl__export_postgres *target, struct pl_codec *codec,
                                     const struct pl_batch *batch, struct pl_error **error);

/* That was all: they are there when it returns PL_OK. */
enum pl_code pl__export_postgres_end(struct pl__export_postgres *target, struct pl_error **error);

#endif
