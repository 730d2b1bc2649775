/* set.c: the rules of all the files of a node, and which of them concern a tag. */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hash.h"
#include "node.h"

/* ---- Files ---- */

struct loading {
    const struct rules *rules;
    struct ruleset *set; /* NULL: only looked at */
    uint64_t files;
    bool whole;
    bool failed;
    uint32_t script;
    rules_problem *problem;
    void *user;
};

static void tell_problem(struct loading *l, struct pl_place place, const char *what) {
    l->failed = true;
    l->problem(l->user, l->script, place, what);
}

static void tell_file(struct loading *l, const char *path, const char *what) {
    tell_problem(l, (struct pl_place){.file = path}, what);
}

static void tell_mistakes(struct loading *l, const struct source *source) {
    const struct mistakes *all = &source->mistakes;
    for (const struct mistake *m = all->first; m; m = m->next)
        tell_problem(l, (struct pl_place){source->path, m->line, m->column}, m->text);
    if (!all->first) tell_file(l, source->path, "no memory");
}

/* The text of a file (freed by the caller); NULL when it has been told why not. */
static char *read_source(struct loading *l, const char *path, size_t *size) {
    FILE *file = fopen(path, "r");
    char *text = file ? pl_alloc(SANDBOX_SOURCE_MAX + 1) : NULL;
    if (text) *size = fread(text, 1, SANDBOX_SOURCE_MAX + 1, file);
    const char *wrong = !file                        ? strerror(errno)
                        : !text                      ? "no memory"
                        : ferror(file)               ? "cannot be read"
                        : *size > SANDBOX_SOURCE_MAX ? "larger than 256 KiB"
                                                     : NULL;
    if (file) fclose(file);
    if (!wrong) return text;
    tell_file(l, path, wrong);
    pl_free(text);
    return NULL;
}

static void check_names(struct loading *l, uint32_t from) {
    char text[256];
    for (uint32_t i = from; i < l->set->count; i++) {
        const struct rule *rule = l->set->rule[i];
        for (uint32_t k = 0; k < i; k++) {
            const struct rule *other = l->set->rule[k];
            if (strcmp(other->name, rule->name) != 0) continue;
            snprintf(text, sizeof text, "rule %s is there already, in %s:%d", rule->name, other->file, other->line);
            tell_problem(l, (struct pl_place){rule->file, rule->line, 1}, text);
        }
    }
}

/* All rules of the file at once to see that they are right, then each in a sandbox of its own. */
static void load_source(struct loading *l, struct source *source) {
    struct rule *found[RULES_A_FILE];
    uint32_t count = 0, first = l->set->count;
    bool good = rule_load(source, -1, l->rules->memory, found, &count);
    if (!good) tell_mistakes(l, source);
    if (good && first + count > RULES_MAX) {
        tell_file(l, source->path, "more than 1024 rules in one node");
        good = false;
    }
    if (good && !l->whole) {
        memcpy(l->set->rule + first, found, count * sizeof *found);
        l->set->count += count;
    }
    for (uint32_t i = 0; i < count && (!good || l->whole); i++)
        rule_free(found[i]);
    for (uint32_t i = 0; good && l->whole && i < count; i++) {
        good = rule_load(source, (int)i, l->rules->memory, l->set->rule, &l->set->count);
        if (!good) tell_mistakes(l, source);
    }
    if (good) check_names(l, first);
}

/* By its name alone: a run, its history and a copy find the same file by other paths. */
static void hash_source(struct loading *l, const char *path, const char *text, size_t size) {
    const char *slash = strrchr(path, '/');
    l->files = hash_text(l->files, slash ? slash + 1 : path);
    l->files = text ? hash_bytes(l->files, text, size) : hash_text(l->files, "not there");
}

static void load_file(struct loading *l, const char *path) {
    struct source source = {.path = path};
    char *text = read_source(l, path, &source.mistakes.size);
    source.mistakes.text = text;
    hash_source(l, path, text, source.mistakes.size);
    if (text && l->set) load_source(l, &source);
    mistakes_free(&source.mistakes);
    pl_free(text);
}

/* A file, a folder, or a pattern, in order of name. The paths of files are the rules' to keep: see below. */
static void load_script(struct loading *l, const char *script) {
    struct stat about;
    char pattern[4096];
    bool folder = stat(script, &about) == 0 && S_ISDIR(about.st_mode);
    if (!folder && !strpbrk(script, "*?")) {
        load_file(l, script);
        return;
    }
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, folder ? "%s/*.lua" : "%s", script);
    int code = glob(pattern, 0, NULL, &found);
    if (code != 0) tell_file(l, pattern, code == GLOB_NOMATCH ? "no such files" : "cannot be listed");
    for (size_t i = 0; code == 0 && i < found.gl_pathc; i++)
        load_file(l, found.gl_pathv[i]);
    globfree(&found);
}

static void load_scripts(struct loading *l) {
    l->files = HASH_START;
    for (l->script = 0; l->script < l->rules->scripts.count; l->script++)
        load_script(l, l->rules->scripts.items[l->script]);
}

static void keep_quiet(void *user, uint32_t script, struct pl_place place, const char *text) {
    (void)user, (void)script, (void)place, (void)text;
}

uint64_t rules__files(const struct rules *rules) {
    struct loading l = {.rules = rules, .problem = keep_quiet};
    load_scripts(&l);
    return l.files;
}

void rules__say_files(const struct rules *rules, struct pl_node *node) {
    char files[16 + 1];
    snprintf(files, sizeof files, "%016" PRIx64, rules->set->files);
    pl_node_model(node, NULL, NULL, files);
}

struct ruleset *rules__load(const struct rules *rules, bool whole, rules_problem *problem, void *user) {
    struct loading l = {.rules = rules, .whole = whole, .problem = problem, .user = user};
    l.set = PL_NEW(struct ruleset);
    if (!l.set) {
        problem(user, 0, (struct pl_place){0}, "no memory for rules");
        return NULL;
    }
    load_scripts(&l);
    l.set->files = l.files;
    if (!l.failed) return l.set;
    rules__unload(l.set);
    return NULL;
}

void rules__unload(struct ruleset *set) {
    if (!set) return;
    for (uint32_t i = 0; i < set->count; i++)
        rule_free(set->rule[i]);
    pl_free(set);
}

void rules__count_text(const struct ruleset *set, char text[RULES_COUNT_TEXT]) {
    snprintf(text, RULES_COUNT_TEXT, "%u rule%s", set->count, set->count == 1 ? "" : "s");
}

struct rule *rules__named(const struct ruleset *set, const char *name) {
    for (uint32_t i = 0; i < set->count; i++)
        if (strcmp(set->rule[i]->name, name) == 0) return set->rule[i];
    return NULL;
}

struct rule *rules__keyed(const struct ruleset *set, int64_t key) {
    for (uint32_t i = 0; i < set->count; i++)
        if (set->rule[i]->key == key) return set->rule[i];
    return NULL;
}

/* ---- Standings ---- */

void rules__attach(struct rules *rules, struct pl_node *node) {
    if (PL_LIKELY(rules->attached)) return;
    for (uint32_t i = 0; i < rules->set->count; i++) {
        struct rule *rule = rules->set->rule[i];
        const struct standing *standing = pl_table_find(pl_node_table(node, TABLE_STANDINGS), 0, rule->key);
        rule->credit = rules->budget;
        if (!standing || standing->source != rule->source) continue;
        rule->disabled = standing->disabled;
        rule->strikes = standing->strikes;
        rule->credit = standing->credit;
    }
    rules__take_decisions(rules, rules->set, node);
    rules->attached = true;
}

void rules__keep_standing(struct pl_node *node, const struct rule *rule) {
    struct standing *standing = pl_table_get(pl_node_table(node, TABLE_STANDINGS), 0, rule->key);
    if (!standing) return;
    *standing = (struct standing){
        .source = rule->source, .credit = rule->credit, .strikes = rule->strikes, .disabled = rule->disabled};
    memcpy(standing->name, rule->name, sizeof standing->name);
}

/* ---- Reading again ---- */

void rules__keep_problem(void *user, uint32_t script, struct pl_place place, const char *text) {
    (void)script;
    struct pl_error **error = user;
    const char *file = place.file ? place.file : "rules";
    if (*error) return;
    if (place.line)
        pl_error_set(error, PL_SYNTAX, "%s:%d:%d: %s", file, place.line, place.column, text);
    else
        pl_error_set(error, PL_SYNTAX, "%s: %s", file, text);
}

static void carry_over(struct pl_node *node, struct ruleset *to, const struct ruleset *from) {
    for (uint32_t i = 0; i < to->count; i++) {
        struct rule *rule = to->rule[i];
        const struct rule *old = rules__named(from, rule->name);
        if (!old) continue;
        rule->evaluated = old->evaluated;
        rule->raised = old->raised;
        rule->cleared = old->cleared;
        rule->errors = old->errors;
        rule->timed = old->timed;
        rule->timed_ns = old->timed_ns;
        rules__carry_memory(node, old, rule);
    }
}

enum pl_code rules__reload(struct rules *rules, struct pl_node *node, struct pl_error **error) {
    struct pl_error *problem = NULL;
    struct ruleset *set = rules__load(rules, true, rules__keep_problem, &problem);
    if (set && rules__apply_values(rules, set, node, &problem)) {
        rules__unload(set);
        set = NULL;
    }
    if (!set) {
        enum pl_code code = problem ? problem->code : PL_NO_MEMORY;
        if (error)
            *error = problem;
        else
            pl_error_free(&problem);
        return code;
    }
    carry_over(node, set, rules->set);
    rules__unload(rules->set);
    rules->set = set;
    rules__say_files(rules, node);
    rules__forget_subjects(&rules->subjects);
    rules->attached = false;
    rules__attach(rules, node);
    rules->sweep = true;
    return PL_OK;
}

/* ---- Tags ---- */

void rules__forget_subjects(struct subjects *subjects) {
    pl_free(subjects->of);
    pl_free(subjects->pool);
    pl_free(subjects->ids);
    *subjects = (struct subjects){0};
}

static bool grow(void **items, uint32_t *room, uint32_t least, size_t size) {
    if (least <= *room) return true;
    uint32_t more = least + least / 2 + 64;
    void *grown = pl_realloc(*items, more * size);
    if (!grown) return false;
    memset((char *)grown + *room * size, 0, (more - *room) * size);
    *items = grown;
    *room = more;
    return true;
}

bool rules__prepare_subjects(struct rules *rules, struct pl_node *node) {
    struct subjects *s = &rules->subjects;
    return grow((void **)&s->of, &s->of_room, pl_tags_count(pl_node_tags(node)), sizeof *s->of);
}

static bool concerns(const struct rule *rule, const char *name) {
    for (uint32_t i = 0; i < rule->globs; i++)
        if (pl_glob(rule->glob[i], name)) return true;
    return false;
}

static bool is_signal(const struct ruleset *set, const char *name) {
    const char *dot = strrchr(name, '.');
    for (uint32_t i = 0; dot && i < set->count; i++) {
        for (uint32_t k = 0; k < set->rule[i]->signals; k++)
            if (strcmp(set->rule[i]->signal[k], dot + 1) == 0) return true;
    }
    return false;
}

/* The ids of the rule's signals, for the asset of the tag; PL_NO_ID where there can be none. */
static bool add_signals(struct subjects *s, struct pl_tags *tags, const struct rule *rule, const struct pl_tag *entry) {
    char name[2 * PL_NAME_MAX + 2];
    if (!grow((void **)&s->ids, &s->id_room, s->id_count + rule->signals, sizeof *s->ids)) return false;
    const char *asset = pl_tags_get(tags, entry->asset)->name;
    for (uint32_t i = 0; i < rule->signals; i++) {
        int length = snprintf(name, sizeof name, "%s%s%s", asset, *asset ? "." : "", rule->signal[i]);
        s->ids[s->id_count++] = pl_tags_intern(tags, name, (size_t)length);
    }
    return true;
}

bool rules__ask(struct rules *rules, struct pl_node *node, uint32_t tag) {
    struct subjects *s = &rules->subjects;
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(node), tag);
    struct subject subject = {.first = s->pool_count, .known = 1, .signal = is_signal(rules->set, entry->name)};
    for (uint32_t i = 0; i < rules->set->count; i++) {
        const struct rule *rule = rules->set->rule[i];
        if (!concerns(rule, entry->name)) continue;
        uint32_t at = s->pool_count, ids = s->id_count;
        if (!grow((void **)&s->pool, &s->pool_room, at + 1, sizeof *s->pool)) return false;
        if (!add_signals(s, pl_node_tags(node), rule, entry)) return false;
        s->pool[s->pool_count++] = (struct concern){.rule = i, .signals = ids};
        subject.count++;
    }
    s->of[tag] = subject;
    return true;
}
