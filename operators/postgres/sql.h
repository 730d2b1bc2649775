/* sql.h: what is said to the server: the statements for one table and one place in potline_offsets, quoted once.
 *
 *     potline_offsets   job, node, part -> stream, position, ahead (place.h), updated
 */
#ifndef POSTGRES_SQL_H
#define POSTGRES_SQL_H

#include <stdint.h>

#include <potline/error.h>

#include "options.h"
#include "place.h"
#include "row.h"

enum { PL__PG_STREAM_MAX = 36 };

/* Each is owned, without a line's end. */
struct pl__pg_sql {
    char *look;         /* are the two tables there -> two booleans */
    char *make_offsets; /* creates them */
    char *make_table;
    char *where; /* the place in potline_offsets */
    char *offsets, *table, *key;
    char *copy;
};

/* The columns to be written; says which name is none of the kind's. */
enum pl_code pl__pg_shape_init(struct pl__pg_shape *shape, const struct pl__pg_options *options, enum pl_kind kind,
                               struct pl_error **error);

enum pl_code pl__pg_sql_init(struct pl__pg_sql *sql, const struct pl__pg_options *options,
                             const struct pl__pg_shape *shape, const char *node, unsigned partition,
                             struct pl_error **error);
void pl__pg_sql_fini(struct pl__pg_sql *sql); /* of a zeroed one too */

/* A name with at most one dot in it: the schema, the table. */
bool pl__pg_table_name(const char *name);

/* ---- Made for the moment; owned by the caller (pl_free), NULL without memory ---- */

char *pl__pg_sql_make(const struct pl__pg_sql *sql, bool offsets, bool table);
char *pl__pg_sql_claim(const struct pl__pg_sql *sql, const char *stream);
char *pl__pg_sql_read(const struct pl__pg_sql *sql);
char *pl__pg_sql_take_over(const struct pl__pg_sql *sql, const char *stream, bool keep_ahead);
char *pl__pg_sql_begin(const struct pl__pg_sql *sql, const char *stream, uint64_t position); /* -> its number */
char *pl__pg_sql_delete(const struct pl__pg_sql *sql, const struct pl__pg_place *place);     /* what is to be undone */
char *pl__pg_sql_commit(const struct pl__pg_sql *sql, const struct pl__pg_place *place);

#endif
