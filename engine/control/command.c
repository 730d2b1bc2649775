#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/request.h"

/* ---- The table ---- */

static unsigned count_of(const struct pl_graph *graph, const struct pl_control_command *const *tables, unsigned n) {
    unsigned count = 0;
    for (unsigned t = 0; t < n; t++)
        for (const struct pl_control_command *c = tables[t]; c->spec.name; c++)
            count++;
    for (unsigned i = 0; i < graph->node_count; i++)
        for (const struct pl_command *c = graph->nodes[i].op->commands; c && c->name; c++)
            count++;
    return count;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_command_entry *)a)->spec->name, ((const struct pl_command_entry *)b)->spec->name);
}

static bool has(const struct pl_command_table *table, const char *name) {
    for (unsigned i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].spec->name, name) == 0) return true;
    return false;
}

static void add(struct pl_command_table *table, const struct pl_command *spec,
                enum pl_code (*run)(struct pl_request *, struct pl_error **)) {
    if (!has(table, spec->name)) table->entries[table->count++] = (struct pl_command_entry){spec, run};
}

bool pl_commands_init(struct pl_command_table *table, const struct pl_graph *graph) {
    static const struct pl_control_command *const own[] = {
        pl__commands_engine,  pl__commands_nodes,   pl__commands_people, pl__commands_copies, pl__commands_tap,
        pl__commands_letters, pl__commands_explain, pl__commands_graph,  pl__commands_what_if};
    *table = (struct pl_command_table){0};
    table->entries = pl_alloc((count_of(graph, own, PL_COUNT_OF(own)) + 1) * sizeof *table->entries);
    if (!table->entries) return false;
    for (unsigned t = 0; t < PL_COUNT_OF(own); t++)
        for (const struct pl_control_command *c = own[t]; c->spec.name; c++)
            add(table, &c->spec, c->run);
    for (unsigned i = 0; i < graph->node_count; i++)
        for (const struct pl_command *c = graph->nodes[i].op->commands; c && c->name; c++)
            add(table, c, pl__request_ask_nodes);
    qsort(table->entries, table->count, sizeof *table->entries, by_name);
    return true;
}

void pl_commands_fini(struct pl_command_table *table) {
    pl_free(table->entries);
    *table = (struct pl_command_table){0};
}

unsigned pl_command_words(const char *name, const char *const *words, unsigned count) {
    unsigned used = 0;
    while (*name) {
        size_t length = strcspn(name, " ");
        if (used == count || strlen(words[used]) != length || memcmp(words[used], name, length) != 0) return 0;
        used++;
        name += length;
        name += strspn(name, " ");
    }
    return used;
}

static const struct pl_command_entry *longest(const struct pl_command_table *table, const char *const *words,
                                              unsigned count, unsigned *used) {
    const struct pl_command_entry *best = NULL;
    *used = 0;
    for (unsigned i = 0; i < table->count; i++) {
        unsigned matched = pl_command_words(table->entries[i].spec->name, words, count);
        if (matched <= *used) continue;
        *used = matched;
        best = &table->entries[i];
    }
    return best;
}

/* "alarms" and "alarms --state x" mean "alarms list". */
static const struct pl_command_entry *list_of(const struct pl_command_table *table, const char *word) {
    char name[PL_CALL_TEXT];
    snprintf(name, sizeof name, "%s list", word);
    for (unsigned i = 0; i < table->count; i++)
        if (strcmp(table->entries[i].spec->name, name) == 0) return &table->entries[i];
    return NULL;
}

/* Is it the first of a name's words? */
static bool begins_one(const struct pl_command_table *table, const char *word) {
    for (unsigned i = 0; i < table->count; i++) {
        const char *name = table->entries[i].spec->name;
        size_t length = strcspn(name, " ");
        if (name[length] && strlen(word) == length && memcmp(name, word, length) == 0) return true;
    }
    return false;
}

static enum pl_code unknown(const struct pl_command_table *table, const char *const *words, unsigned count,
                            struct pl_error **error) {
    char said[PL_CALL_TEXT] = "";
    const char *nearest = NULL;
    const char **names = pl_alloc((table->count + 1) * sizeof *names);
    for (unsigned i = 0; names && i < table->count; i++)
        names[i] = table->entries[i].spec->name;
    for (unsigned n = count < 2 ? count : 2; names && !nearest && n > 0; n--) {
        snprintf(said, sizeof said, n == 2 ? "%s %s" : "%s", words[0], words[1 < count ? 1 : 0]);
        nearest = pl_text_nearest(said, names, table->count);
    }
    for (unsigned i = 0; count && !nearest && i < table->count; i++) {
        char first[PL_CALL_TEXT];
        snprintf(first, sizeof first, "%.*s", (int)strcspn(table->entries[i].spec->name, " "),
                 table->entries[i].spec->name);
        if (pl_text_nearest(words[0], (const char *const[]){first}, 1)) nearest = table->entries[i].spec->name;
    }
    bool family = count > 1 && begins_one(table, words[0]); /* "alarms" is one: it is "alarms foo" that is not */
    snprintf(said, sizeof said, "%s%s%s", count ? words[0] : "", family ? " " : "", family ? words[1] : "");
    enum pl_code code =
        pl_error_set(error, PL_UNKNOWN, "there is no command \"%s\"%s%s%s", said,
                     nearest ? "; did you mean " : "; help lists them", nearest ? nearest : "", nearest ? "?" : "");
    pl_free(names);
    return code;
}

enum pl_code pl_commands_find(const struct pl_command_table *table, const char *const *words, unsigned count,
                              const struct pl_command_entry **entry, unsigned *used, struct pl_error **error) {
    *entry = longest(table, words, count, used);
    bool alone = count == 1 || (count > 1 && words[1][0] == '-');
    if (!*entry && alone && (*entry = list_of(table, words[0]))) *used = 1;
    return *entry ? PL_OK : unknown(table, words, count, error);
}

/* ---- Arguments ---- */

struct reader {
    const struct pl_command *command;
    struct pl_command_space *space;
    unsigned pairs;
    size_t used; /* of space->text */
    const char *reason;
};

static const struct pl_option *row_named(const struct pl_command *command, const char *name, size_t length) {
    for (const struct pl_option *row = command->args; row && row->name; row++)
        if (strlen(row->name) == length && memcmp(row->name, name, length) == 0) return row;
    return NULL;
}

static enum pl_code no_such_argument(const struct pl_command *command, const char *name, size_t length,
                                     struct pl_error **error) {
    const char *names[PL_WORDS_MAX];
    size_t count = 0;
    char wanted[64];
    for (const struct pl_option *row = command->args; row && row->name && count < PL_WORDS_MAX; row++)
        names[count++] = row->name;
    snprintf(wanted, sizeof wanted, "%.*s", (int)length, name);
    const char *nearest = pl_text_nearest(wanted, names, count);
    return pl_error_set(error, PL_USAGE, "%s has no argument --%s%s%s%s", command->name, wanted,
                        nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "");
}

static enum pl_code give(struct reader *reader, const char *name, const char *value, struct pl_error **error) {
    for (unsigned i = 0; i < reader->pairs; i++)
        if (strcmp(reader->space->pairs[i].name, name) == 0)
            return pl_error_set(error, PL_USAGE, "%s: %s is given twice", reader->command->name, name);
    if (strcmp(name, "reason") == 0) reader->reason = value; /* the audit's too */
    reader->space->pairs[reader->pairs++] = (struct pl_argument){name, value};
    return PL_OK;
}

static bool is_switch(const char *word) {
    return strncmp(word, "--", 2) == 0 && word[2];
}

/* One of --name value, --name=value, --switch; *taken words. */
static enum pl_code read_named(struct reader *reader, const char *const *words, unsigned count, unsigned *taken,
                               struct pl_error **error) {
    const char *name = words[0] + 2;
    size_t length = strcspn(name, "=");
    const struct pl_option *row = row_named(reader->command, name, length);
    if (!row && length == strlen("help") && memcmp(name, "help", length) == 0)
        return pl_error_set(error, PL_USAGE, "help %s explains it", reader->command->name);
    bool reason = !row && length == strlen("reason") && memcmp(name, "reason", length) == 0;
    if (!row && !reason) return no_such_argument(reader->command, name, length, error);
    bool inside = name[length] == '=', flag = row && row->type == PL_TYPE_BOOL;
    *taken = 1 + (!inside && !flag);
    if (*taken > count)
        return pl_error_set(error, PL_USAGE, "%s: --%.*s wants a value", reader->command->name, (int)length, name);
    const char *value = inside ? name + length + 1 : flag ? "true" : words[1];
    if (row) return give(reader, row->name, value, error);
    reader->reason = value;
    return PL_OK;
}

/* A list argument takes every word that is left, as a YAML list. */
static enum pl_code read_rest(struct reader *reader, const struct pl_option *row, const char *const *words,
                              unsigned count, struct pl_error **error) {
    char *text = reader->space->text + reader->used, *at = text;
    char *end = reader->space->text + sizeof reader->space->text - 2;
    *at++ = '[';
    for (unsigned i = 0; i < count; i++) {
        if (i) *at++ = ',';
        *at++ = '"';
        for (const char *c = words[i]; *c && at + 2 < end; c++) {
            if (*c == '"' || *c == '\\') *at++ = '\\';
            *at++ = *c;
        }
        if (at + 4 >= end) return pl_error_set(error, PL_LIMIT, "%s: too many words", reader->command->name);
        *at++ = '"';
    }
    *at++ = ']';
    *at++ = 0;
    reader->used += (size_t)(at - text);
    return give(reader, row->name, text, error);
}

enum pl_code pl_command_pairs(const struct pl_command *command, const char *const *words, unsigned count,
                              struct pl_command_space *space, unsigned *pairs, const char **reason,
                              struct pl_error **error) {
    struct reader reader = {.command = command, .space = space};
    const struct pl_option *row = command->args;
    enum pl_code code = PL_OK;
    bool only_values = false;
    for (unsigned i = 0, taken; i < count && !code; i += taken) {
        taken = 1;
        if (!only_values && strcmp(words[i], "--") == 0) {
            only_values = true;
        } else if (!only_values && is_switch(words[i])) {
            code = read_named(&reader, words + i, count - i, &taken, error);
        } else if (!row || !row->name) {
            code = pl_error_set(error, PL_USAGE, "%s: what is \"%s\" for? See: help %s", command->name, words[i],
                                command->name);
        } else if (row->type == PL_TYPE_STRINGS) {
            taken = count - i;
            code = read_rest(&reader, row, words + i, taken, error);
        } else {
            code = give(&reader, row->name, words[i], error);
            row++;
        }
    }
    *pairs = reader.pairs;
    *reason = reader.reason;
    return code;
}
