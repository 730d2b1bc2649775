#include "shell_manual.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { ENTRIES_MAX = 4096, ARGS_MAX = 64 };

/* ---- The shell's own ---- */

struct own_arg {
    const char *name, *type, *range, *doc;
    bool required;
};

static const struct own {
    const char *name, *doc;
    struct own_arg args[3];
} own_commands[] = {
    {"exit", "Ends the shell, as Ctrl-D does.", {{0}}},
    {"help",
     "Shows the commands, or one with its arguments.",
     {{"command", "strings", "", "The command's words.", false}}},
    {"top",
     "Shows the nodes by load, every second.",
     {{"every", "duration", "", "From one look to the next: 1s.", false}}},
    {"watch",
     "Repeats a command and marks what has changed.",
     {{"every", "duration", "", "From one time to the next: 1s.", false},
      {"command", "strings", "", "What to repeat.", true}}},
};

/* What the shell adds to a command of the engine. */
static const struct own_arg tap_format = {"format", "choice", "table|ndjson|sparkline", "How the rows are shown.",
                                          false};

static bool add_arg(struct pl_manual_entry *entry, const struct own_arg *from) {
    struct pl_manual_arg *arg = &entry->args[entry->arg_count++];
    *arg = (struct pl_manual_arg){.name = pl_strdup(from->name),
                                  .type = pl_strdup(from->type),
                                  .fallback = pl_strdup(""),
                                  .range = pl_strdup(from->range),
                                  .doc = pl_strdup(from->doc),
                                  .required = from->required};
    return arg->name && arg->type && arg->fallback && arg->range && arg->doc;
}

static bool add_own(struct pl_manual *manual, const struct own *own) {
    struct pl_manual_entry *entry = &manual->entries[manual->count++];
    *entry = (struct pl_manual_entry){
        .name = pl_strdup(own->name), .doc = pl_strdup(own->doc), .roles = pl_strdup(""), .own = true};
    entry->args = pl_alloc(PL_COUNT_OF(own->args) * sizeof *entry->args);
    if (!entry->name || !entry->doc || !entry->roles || !entry->args) return false;
    for (unsigned i = 0; i < PL_COUNT_OF(own->args) && own->args[i].name; i++)
        if (!add_arg(entry, &own->args[i])) return false;
    return true;
}

static bool is_own(const char *name) {
    for (size_t i = 0; i < PL_COUNT_OF(own_commands); i++)
        if (strcmp(own_commands[i].name, name) == 0) return true;
    return false;
}

/* ---- Reading the engine's ---- */

static bool read_text(struct pl_unpack *in, char **text) {
    struct pl_buffer shown;
    bool numeric;
    pl_buffer_init(&shown, 8 * PL_GRID_VALUE_MAX);
    bool read = pl_grid_put_value(&shown, in, &numeric);
    pl_free(*text);
    *text = read ? pl_buffer_take(&shown) : NULL;
    pl_buffer_fini(&shown);
    return *text != NULL;
}

struct field { /* of a row: where a key's value goes */
    const char *key;
    char **text;
    bool *flag;
};

static bool read_row(struct pl_unpack *in, const struct field *fields, unsigned count,
                     bool (*other)(void *arg, const char *key, size_t length, struct pl_unpack *in), void *arg) {
    uint32_t pairs;
    if (!pl_unpack_map(in, &pairs)) return false;
    while (pairs--) {
        const char *key;
        size_t length;
        unsigned i = 0;
        if (!pl_unpack_str(in, &key, &length)) return false;
        while (i < count && (strlen(fields[i].key) != length || memcmp(fields[i].key, key, length) != 0))
            i++;
        bool read = i == count       ? (other ? other(arg, key, length, in) : pl_unpack_skip(in))
                    : fields[i].text ? read_text(in, fields[i].text)
                                     : pl_unpack_bool(in, fields[i].flag);
        if (!read) return false;
    }
    for (unsigned i = 0; i < count; i++)
        if (fields[i].text && !*fields[i].text && !(*fields[i].text = pl_strdup(""))) return false;
    return true;
}

static bool read_arg(struct pl_unpack *in, struct pl_manual_arg *arg) {
    const struct field fields[] = {
        {"name", &arg->name, NULL},   {"type", &arg->type, NULL}, {"default", &arg->fallback, NULL},
        {"range", &arg->range, NULL}, {"doc", &arg->doc, NULL},   {"required", NULL, &arg->required},
    };
    return read_row(in, fields, PL_COUNT_OF(fields), NULL, NULL);
}

static bool read_args(void *user, const char *key, size_t length, struct pl_unpack *in) {
    struct pl_manual_entry *entry = user;
    uint32_t count;
    if (length != 4 || memcmp(key, "args", 4) != 0 || entry->args) return pl_unpack_skip(in);
    if (!pl_unpack_array(in, &count) || count > ARGS_MAX) return false;
    entry->args = pl_alloc((count + 1) * sizeof *entry->args); /* one more for what the shell adds */
    if (!entry->args) return false;
    while (entry->arg_count < count)
        if (!read_arg(in, &entry->args[entry->arg_count++])) return false;
    return true;
}

static bool read_entry(struct pl_unpack *in, struct pl_manual_entry *entry) {
    const struct field fields[] = {
        {"command", &entry->name, NULL},
        {"doc", &entry->doc, NULL},
        {"roles", &entry->roles, NULL},
        {"changes", NULL, &entry->changes},
    };
    return read_row(in, fields, PL_COUNT_OF(fields), read_args, entry) && entry->name[0];
}

static void free_entry(struct pl_manual_entry *entry) {
    for (unsigned i = 0; i < entry->arg_count; i++) {
        struct pl_manual_arg *arg = &entry->args[i];
        pl_free(arg->name);
        pl_free(arg->type);
        pl_free(arg->fallback);
        pl_free(arg->range);
        pl_free(arg->doc);
    }
    pl_free(entry->args);
    pl_free(entry->name);
    pl_free(entry->doc);
    pl_free(entry->roles);
    *entry = (struct pl_manual_entry){0};
}

static bool read_entries(struct pl_manual *manual, const struct pl_answer *answer) {
    struct pl_unpack in;
    uint32_t rows;
    pl_unpack_init(&in, answer->rows, answer->size);
    if (!pl_unpack_array(&in, &rows)) return false;
    while (rows--) {
        struct pl_manual_entry *entry = &manual->entries[manual->count++];
        if (!read_entry(&in, entry)) return false;
        if (is_own(entry->name)) {
            free_entry(entry);
            manual->count--;
        } else if (strcmp(entry->name, "tap") == 0 && entry->args && !add_arg(entry, &tap_format)) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_manual_entry *)a)->name, ((const struct pl_manual_entry *)b)->name);
}

bool pl_manual_load(struct pl_manual *manual, const struct pl_answer *answer) {
    uint32_t theirs = answer ? answer->count : 0;
    *manual = (struct pl_manual){.whole = theirs > 0};
    if (theirs > ENTRIES_MAX) return false;
    manual->entries = pl_alloc((theirs + PL_COUNT_OF(own_commands)) * sizeof *manual->entries);
    if (!manual->entries) return false;
    for (size_t i = 0; i < PL_COUNT_OF(own_commands); i++)
        if (!add_own(manual, &own_commands[i])) return false;
    if (theirs && !read_entries(manual, answer)) return false;
    qsort(manual->entries, manual->count, sizeof *manual->entries, by_name);
    return true;
}

void pl_manual_fini(struct pl_manual *manual) {
    for (unsigned i = 0; i < manual->count; i++)
        free_entry(&manual->entries[i]);
    pl_free(manual->entries);
    *manual = (struct pl_manual){0};
}

bool pl_manual_is_switch(const struct pl_manual_arg *arg) {
    return strcmp(arg->type, "bool") == 0 || strcmp(arg->type, "boolean") == 0;
}

bool pl_manual_is_list(const struct pl_manual_arg *arg) {
    return strcmp(arg->type, "strings") == 0 || strcmp(arg->type, "list") == 0;
}
