#include "sql.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

/* Whoever makes tables asks for this lock first: IF NOT EXISTS is none against two who do it at once. */
#define MAKING "7813598125012394581"

/* ---- Text ---- */

static char *text_v(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again); /* NOLINT(clang-analyzer-valist.Uninitialized): the callers have */
    va_end(again);
    char *text = length < 0 ? NULL : pl_alloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    return text;
}

static char *text(const char *format, ...) PL_PRINTF(1, 2);
static char *text(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *made = text_v(format, args);
    va_end(args);
    return made;
}

/* Adds to a text; once there is no memory it stays NULL and *good is false. */
static void add(char **to, bool *good, const char *format, ...) PL_PRINTF(3, 4);
static void add(char **to, bool *good, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *more = *good ? text_v(format, args) : NULL;
    va_end(args);
    size_t length = *to ? strlen(*to) : 0, size = more ? strlen(more) + 1 : 0;
    char *grown = more ? pl_realloc(*to, length + size) : NULL;
    if (grown) {
        memcpy(grown + length, more, size);
        *to = grown;
    } else {
        *good = false;
    }
    pl_free(more);
}

static char *finished(char *statement, bool good) {
    if (good) return statement;
    pl_free(statement);
    return NULL;
}

/* Between quotes, the quote doubled. Literals with a backslash want the form that says so. */
static char *quote(const char *from, size_t length, char mark) {
    bool escapes = mark == '\'' && memchr(from, '\\', length);
    char *quoted = pl_alloc(2 * length + 5), *at = quoted;
    if (!quoted) return NULL;
    if (escapes) at += sprintf(at, " E");
    *at++ = mark;
    for (size_t i = 0; i < length; i++) {
        if (from[i] == mark || (escapes && from[i] == '\\')) *at++ = from[i];
        *at++ = from[i];
    }
    *at = mark;
    return quoted;
}

static char *literal(const char *from) {
    return quote(from, strlen(from), '\'');
}

static char *identifier(const char *from) {
    return quote(from, strlen(from), '"');
}

bool pl__pg_table_name(const char *name) {
    const char *dot = strchr(name, '.');
    return name[0] && name[0] != '.' && (!dot || (dot[1] && !strchr(dot + 1, '.')));
}

static char *table_name(const char *name) {
    const char *dot = strchr(name, '.');
    if (!dot) return identifier(name);
    char *schema = quote(name, (size_t)(dot - name), '"'), *table = identifier(dot + 1);
    char *both = schema && table ? text("%s.%s", schema, table) : NULL;
    pl_free(schema);
    pl_free(table);
    return both;
}

/* ---- Columns ---- */

static const struct pl_column_info *column_info(enum pl_kind kind, unsigned column) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    return column < info->columns ? &info->column[column] : &info->heap[column - info->columns];
}

static bool is_column(enum pl_kind kind, unsigned column) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    return !info->heaps || column != info->end; /* where a heap's part ends is nothing to be told */
}

static enum pl_code find_column(struct pl__pg_shape *shape, const char *name, struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[shape->kind];
    for (unsigned c = 0; c < info->columns + info->heaps; c++) {
        if (!is_column(shape->kind, c) || strcmp(column_info(shape->kind, c)->name, name) != 0) continue;
        for (unsigned i = 0; i < shape->count; i++)
            if (shape->column[i] == c) return pl_error_set(error, PL_CONFLICT, "columns: %s is there twice", name);
        shape->column[shape->count++] = (uint8_t)c;
        return PL_OK;
    }
    return pl_error_set(error, PL_UNKNOWN, "columns: %s have no column %s", info->name, name);
}

enum pl_code pl__pg_shape_init(struct pl__pg_shape *shape, const struct pl__pg_options *options, enum pl_kind kind,
                               struct pl_error **error) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    const struct pl__pg_column *columns = options->columns.items;
    enum pl_code code = PL_OK;
    *shape = (struct pl__pg_shape){.kind = kind, .nanoseconds = options->times == PL__PG_NS};
    for (unsigned c = 0; !options->columns.count && c < info->columns + info->heaps; c++)
        if (is_column(kind, c)) shape->column[shape->count++] = (uint8_t)c;
    for (uint32_t i = 0; i < options->columns.count && !code; i++)
        code = find_column(shape, columns[i].column, error);
    return code;
}

static const char *type_of(const struct pl__pg_shape *shape, unsigned column) {
    const struct pl_kind_info *info = &pl_kind_info[shape->kind];
    const struct pl_column_info *of = column_info(shape->kind, column);
    if (column >= info->columns)
        return of->type == PL_F64 ? "double precision[]" : shape->kind == PL_EVENTS ? "jsonb" : "text";
    switch (of->type) {
    case PL_I64: return shape->nanoseconds ? "bigint" : "timestamptz";
    case PL_U64: return "numeric(20)";
    case PL_F64: return "double precision";
    case PL_U32: return "bigint";
    case PL_U16: return strcmp(of->name, "quality") == 0 ? "text" : "integer";
    case PL_BYTE:
    case PL_NAME: break;
    }
    return "text";
}

/* What the table calls it; quoted, owned by the caller. */
static char *column_name(const struct pl__pg_options *options, const struct pl__pg_shape *shape, unsigned i) {
    const struct pl__pg_column *columns = options->columns.items;
    const struct pl_column_info *of = column_info(shape->kind, shape->column[i]);
    if (options->columns.count && columns[i].as[0]) return identifier(columns[i].as);
    bool in_ns = of->type == PL_I64 && shape->nanoseconds;
    char name[64];
    snprintf(name, sizeof name, "%s%s", of->name, in_ns ? "_ns" : "");
    return identifier(name);
}

static bool list_columns(const struct pl__pg_options *options, const struct pl__pg_shape *shape, bool types,
                         char **list) {
    bool good = true;
    for (unsigned i = 0; i < shape->count && good; i++) {
        char *name = column_name(options, shape, i);
        good = name != NULL;
        add(list, &good, "%s%s%s%s", i ? ", " : "", name ? name : "", types ? " " : "",
            types ? type_of(shape, shape->column[i]) : "");
        pl_free(name);
    }
    return good;
}

/* ---- Statements ---- */

static bool make_fixed(struct pl__pg_sql *sql, const struct pl__pg_options *options, const struct pl__pg_shape *shape) {
    char *typed = NULL, *names = NULL, *offsets = literal(sql->offsets), *table = literal(sql->table);
    bool good =
        offsets && table && list_columns(options, shape, true, &typed) && list_columns(options, shape, false, &names);
    if (good) {
        /* A transaction that the server may lose after it has said that it is done would not be exactly once. */
        sql->look = text("SELECT to_regclass(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL, CASE WHEN "
                         "current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', "
                         "false) END",
                         offsets, table);
        sql->make_offsets =
            text("CREATE TABLE IF NOT EXISTS %s (job text, node text, part integer, stream text, position bigint, "
                 "ahead text, updated timestamptz, PRIMARY KEY (job, node, part)); ",
                 sql->offsets);
        sql->make_table = text("CREATE TABLE IF NOT EXISTS %s (%s); ", sql->table, typed);
        sql->copy = text("COPY %s (%s) FROM STDIN", sql->table, names);
    }
    pl_free(typed);
    pl_free(names);
    pl_free(offsets);
    pl_free(table);
    return good && sql->look && sql->make_offsets && sql->make_table && sql->copy;
}

enum pl_code pl__pg_sql_init(struct pl__pg_sql *sql, const struct pl__pg_options *options,
                             const struct pl__pg_shape *shape, const char *node, unsigned partition,
                             struct pl_error **error) {
    char *job = literal(options->job), *name = literal(node);
    sql->offsets = table_name(options->offsets);
    sql->table = table_name(options->table);
    if (job && name) {
        sql->key = text("%s, %s, %u", job, name, partition);
        sql->where = text("job = %s AND node = %s AND part = %u", job, name, partition);
    }
    pl_free(job);
    pl_free(name);
    if (sql->offsets && sql->table && sql->key && sql->where && make_fixed(sql, options, shape)) return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for statements");
}

void pl__pg_sql_fini(struct pl__pg_sql *sql) {
    char **texts[] = {&sql->look, &sql->make_offsets, &sql->make_table, &sql->where,
                      &sql->key,  &sql->offsets,      &sql->table,      &sql->copy};
    for (size_t i = 0; i < PL_COUNT_OF(texts); i++) {
        pl_free(*texts[i]);
        *texts[i] = NULL;
    }
}

char *pl__pg_sql_make(const struct pl__pg_sql *sql, bool offsets, bool table) {
    return text("BEGIN READ WRITE; SELECT pg_advisory_xact_lock(" MAKING "); %s%sCOMMIT",
                offsets ? sql->make_offsets : "", table ? sql->make_table : "");
}

char *pl__pg_sql_claim(const struct pl__pg_sql *sql, const char *stream) {
    return text("INSERT INTO %s (job, node, part, stream, position, updated) VALUES (%s, '%s', 0, now()) "
                "ON CONFLICT (job, node, part) DO NOTHING",
                sql->offsets, sql->key, stream);
}

/* As text, whatever the columns are: nobody but us should have made this table, but who knows. */
char *pl__pg_sql_read(const struct pl__pg_sql *sql) {
    return text("SELECT stream::text, position::text, ahead::text FROM %s WHERE %s", sql->offsets, sql->where);
}

char *pl__pg_sql_take_over(const struct pl__pg_sql *sql, const char *stream, bool keep_ahead) {
    return text("UPDATE %s SET stream = '%s', position = 0, updated = now()%s WHERE %s", sql->offsets, stream,
                keep_ahead ? "" : ", ahead = NULL", sql->where);
}

/* The row stays locked: nobody else goes on from this position. */
char *pl__pg_sql_begin(const struct pl__pg_sql *sql, const char *stream, uint64_t position) {
    return text("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT txid_current() FROM %s WHERE %s AND stream = "
                "'%s' AND position = %" PRIu64 " FOR UPDATE",
                sql->offsets, sql->where, stream, position);
}

/* The rows that these transactions wrote, while their numbers are not used for others. */
char *pl__pg_sql_delete(const struct pl__pg_sql *sql, const struct pl__pg_place *place) {
    char *statement = NULL;
    bool good = true;
    add(&statement, &good, "DELETE FROM %s WHERE txid_current() - %" PRIu64 " < 2147483648 AND xmin::text IN (",
        sql->table, place->undo[0].xid);
    for (unsigned i = 0; i < place->undo_count; i++)
        add(&statement, &good, "%s'%" PRIu64 "'", i ? ", " : "", place->undo[i].xid & UINT32_MAX);
    add(&statement, &good, ")");
    return finished(statement, good);
}

char *pl__pg_sql_commit(const struct pl__pg_sql *sql, const struct pl__pg_place *place) {
    char *statement = NULL;
    bool good = true;
    const char *mark = place->ahead_count ? "'" : "";
    add(&statement, &good, "UPDATE %s SET position = %" PRIu64 ", updated = now(), ahead = %s", sql->offsets,
        place->position, place->ahead_count ? mark : "NULL");
    for (unsigned i = 0; i < place->ahead_count; i++)
        add(&statement, &good, "%s%" PRIu64 ":%" PRIu64, i ? " " : "", place->ahead[i].xid, place->ahead[i].rows);
    add(&statement, &good, "%s WHERE %s; COMMIT", mark, sql->where);
    return finished(statement, good);
}
