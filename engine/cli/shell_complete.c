#include "shell_complete.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/utf8.h"
#include "shell_words.h"

struct completion {
    const struct pl_manual *manual;
    const char *words[PL_SHELL_WORDS_MAX]; /* before the one at the cursor */
    unsigned count;
    size_t cursor;
    pl_complete_source *source;
    void *arg;
    struct pl_candidates *out;
};

/* ---- Candidates ---- */

static bool is_typeable(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) return false;
    return *text && pl_utf8_check(text, strlen(text));
}

/* Keeps them sorted. */
void pl_candidates_add(struct pl_candidates *candidates, const char *text) {
    unsigned at = candidates->count;
    if (candidates->count == PL_CANDIDATES_MAX || !is_typeable(text)) return;
    if (strncmp(text, candidates->prefix, strlen(candidates->prefix)) != 0) return;
    if (!candidates->items) candidates->items = pl_alloc(PL_CANDIDATES_MAX * sizeof *candidates->items);
    while (at && candidates->items && strcmp(candidates->items[at - 1], text) >= 0)
        at--;
    if (!candidates->items || (at < candidates->count && strcmp(candidates->items[at], text) == 0)) return;
    char *copy = pl_strdup(text);
    if (!copy) return;
    memmove(candidates->items + at + 1, candidates->items + at, (candidates->count - at) * sizeof *candidates->items);
    candidates->items[at] = copy;
    candidates->count++;
}

void pl_candidates_fini(struct pl_candidates *candidates) {
    for (unsigned i = 0; i < candidates->count; i++)
        pl_free(candidates->items[i]);
    pl_free(candidates->items);
    pl_free(candidates->prefix);
    *candidates = (struct pl_candidates){0};
}

size_t pl_candidates_common(const struct pl_candidates *candidates) {
    if (!candidates->count) return 0;
    const char *first = candidates->items[0], *last = candidates->items[candidates->count - 1]; /* sorted: enough */
    size_t common = 0;
    while (first[common] && first[common] == last[common])
        common++;
    return first[common] || last[common] ? pl_text_cut(first, common) : common;
}

/* ---- What is expected ---- */

/* The next word of every command that begins with the words so far. */
static void add_commands(const struct completion *c) {
    for (unsigned i = 0; i < c->manual->count; i++) {
        const char *name = c->manual->entries[i].name;
        unsigned matched = 0;
        while (matched < c->count) {
            size_t length = strcspn(name, " ");
            if (strlen(c->words[matched]) != length || memcmp(c->words[matched], name, length) != 0) break;
            matched++;
            name += length;
            name += strspn(name, " ");
        }
        char *word = matched == c->count && *name ? pl_strndup(name, strcspn(name, " ")) : NULL;
        if (word) pl_candidates_add(c->out, word);
        pl_free(word);
    }
}

static void add_choices(const struct completion *c, const char *range) {
    static const char between[] = "|, []\"";
    for (const char *at = range + strspn(range, between); *at; at += strspn(at, between)) {
        size_t length = strcspn(at, between);
        char *choice = pl_strndup(at, length);
        if (choice) pl_candidates_add(c->out, choice);
        pl_free(choice);
        at += length;
    }
}

/* The name that the cursor stands in, of an expression: what is before it in the word is done, and more may follow. */
static void take_last_name(const struct completion *c) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    char *prefix = c->out->prefix;
    size_t length = strlen(prefix), at = length;
    while (at && strchr(letters, prefix[at - 1]))
        at--;
    memmove(prefix, prefix + at, length - at + 1);
    c->out->begin = c->cursor - (length - at);
    c->out->part = true;
}

/* The output that a tap is about: its first word that is no option. */
static const char *tapped(const struct completion *c) {
    for (unsigned i = 1; i < c->count; i++) {
        bool named = strcmp(c->words[i], "--node") == 0;
        if (named && i + 1 < c->count) return c->words[i + 1];
        if (strncmp(c->words[i], "--node=", strlen("--node=")) == 0) return c->words[i] + strlen("--node=");
        if (strncmp(c->words[i], "--", 2) != 0) return c->words[i];
        i += !strchr(c->words[i], '=');
    }
    return "";
}

static void add_tapped(const struct completion *c, const struct pl_manual_arg *arg) {
    if (strcmp(arg->name, "node") == 0) {
        c->source(c->arg, strchr(c->out->prefix, '.') ? PL_LIST_OUTPUTS : PL_LIST_NODES, "", c->out);
    } else {
        take_last_name(c);
        c->source(c->arg, PL_LIST_COLUMNS, tapped(c), c->out);
    }
}

static void add_values(const struct completion *c, const struct pl_manual_entry *entry,
                       const struct pl_manual_arg *arg) {
    static const struct {
        const char *name;
        enum pl_list_of list;
    } lists[] = {
        {"node", PL_LIST_NODES},      {"nodes", PL_LIST_NODES},   {"tag", PL_LIST_TAGS},
        {"tags", PL_LIST_TAGS},       {"rule", PL_LIST_RULES},    {"rules", PL_LIST_RULES},
        {"alarm", PL_LIST_ALARMS},    {"alarms", PL_LIST_ALARMS}, {"option", PL_LIST_OPTIONS},
        {"options", PL_LIST_OPTIONS}, {"user", PL_LIST_USERS},    {"reset", PL_LIST_NODES},
        {"restart", PL_LIST_NODES},   {"file", PL_LIST_GRAPHS},   {"number", PL_LIST_HISTORY},
    };
    bool tap = strcmp(entry->name, "tap") == 0 && (strcmp(arg->name, "node") == 0 || strcmp(arg->name, "where") == 0);
    if (tap && c->source) {
        add_tapped(c, arg);
        return;
    }
    if (strcmp(arg->type, "choice") == 0) add_choices(c, arg->range);
    for (size_t i = 0; i < PL_COUNT_OF(lists) && c->source; i++)
        if (strcmp(lists[i].name, arg->name) == 0) c->source(c->arg, lists[i].list, "", c->out);
}

static const struct pl_manual_arg *arg_named(const struct pl_manual_entry *entry, const char *name, size_t length) {
    for (unsigned i = 0; i < entry->arg_count; i++)
        if (strlen(entry->args[i].name) == length && memcmp(entry->args[i].name, name, length) == 0)
            return &entry->args[i];
    return NULL;
}

static void add_names(const struct completion *c, const struct pl_manual_entry *entry) {
    char name[128];
    for (unsigned i = 0; i < entry->arg_count; i++) {
        snprintf(name, sizeof name, "--%s", entry->args[i].name);
        pl_candidates_add(c->out, name);
    }
    if (entry->changes) pl_candidates_add(c->out, "--reason");
}

/* The argument that a word without a name would be now, behind those from `used` on; *named: the one whose name came
 * just before. */
static const struct pl_manual_arg *arg_at(const struct completion *c, const struct pl_manual_entry *entry,
                                          unsigned used, const struct pl_manual_arg **named) {
    unsigned at = 0;
    *named = NULL;
    for (unsigned i = used; i < c->count; i++) {
        const char *word = c->words[i];
        bool is_value = *named != NULL;
        *named = NULL;
        if (is_value) continue;
        if (strncmp(word, "--", 2) == 0 && !strchr(word, '=')) {
            const struct pl_manual_arg *arg = arg_named(entry, word + 2, strlen(word + 2));
            *named = arg && !pl_manual_is_switch(arg) ? arg : NULL;
        } else if (strncmp(word, "--", 2) != 0 && at < entry->arg_count && !pl_manual_is_list(&entry->args[at])) {
            at++;
        }
    }
    while (at < entry->arg_count && pl_manual_is_switch(&entry->args[at]))
        at++;
    return at < entry->arg_count ? &entry->args[at] : NULL;
}

/* `--name=` and the start of its value: completes the value alone. */
static bool add_after_equals(const struct completion *c, const struct pl_manual_entry *entry, const char *line) {
    char *prefix = c->out->prefix, *equals = strchr(prefix, '=');
    const char *raw = strchr(line + c->out->begin, '=');
    if (strncmp(prefix, "--", 2) != 0 || !equals || !raw) return false;
    const struct pl_manual_arg *arg = arg_named(entry, prefix + 2, (size_t)(equals - prefix - 2));
    if (c->out->quote && raw[1] == c->out->quote) raw++;
    c->out->begin = (size_t)(raw + 1 - line);
    memmove(prefix, equals + 1, strlen(equals + 1) + 1);
    if (arg) add_values(c, entry, arg);
    return true;
}

/* `watch 1s` and `help` go before another command. */
static void skip_wrapper(struct completion *c) {
    pl_time every;
    unsigned skip = 0;
    if (c->count && strcmp(c->words[0], "watch") == 0)
        skip = 1 + (c->count > 1 && pl_text_duration(c->words[1], strlen(c->words[1]), &every));
    else if (c->count && strcmp(c->words[0], "help") == 0)
        skip = 1;
    c->count -= skip;
    memmove(c->words, c->words + skip, c->count * sizeof *c->words);
}

static void find_candidates(struct completion *c, const char *line) {
    const struct pl_manual_arg *named;
    unsigned used;
    bool help = c->count && strcmp(c->words[0], "help") == 0;
    skip_wrapper(c);
    add_commands(c);
    const struct pl_manual_entry *entry =
        c->count && !help ? pl_manual_find(c->manual, c->words, c->count, &used) : NULL;
    if (!entry || add_after_equals(c, entry, line)) return;
    const struct pl_manual_arg *next = arg_at(c, entry, used, &named);
    bool is_short = used == 1 && strchr(entry->name, ' '); /* "alarms" for "alarms list" takes named arguments only */
    if (named)
        add_values(c, entry, named);
    else if (c->out->prefix[0] == '-')
        add_names(c, entry);
    else if (next && !is_short)
        add_values(c, entry, next);
}

bool pl_complete(const struct pl_manual *manual, const char *line, size_t cursor, pl_complete_source *source, void *arg,
                 struct pl_candidates *candidates) {
    struct completion c = {.manual = manual, .cursor = cursor, .source = source, .arg = arg, .out = candidates};
    struct pl_words words;
    const char *why, *prefix = "";
    char *copy = pl_strndup(line, cursor);
    *candidates = (struct pl_candidates){.begin = cursor};
    if (!copy) return false;
    bool split = pl_words_split(&words, copy, strlen(copy), true, &why);
    for (unsigned i = 0; split && i < words.count; i++)
        c.words[c.count++] = words.items[i].text;
    if (split && c.count && words.items[c.count - 1].end == cursor) {
        const struct pl_word *last = &words.items[--c.count];
        prefix = last->text;
        candidates->quote = last->quote == '\\' ? 0 : last->quote;
        candidates->begin = last->begin + (candidates->quote && copy[last->begin] == candidates->quote);
    }
    candidates->prefix = pl_strdup(prefix);
    if (split && candidates->prefix) find_candidates(&c, copy);
    pl_words_fini(&words);
    pl_free(copy);
    return candidates->prefix != NULL;
}
