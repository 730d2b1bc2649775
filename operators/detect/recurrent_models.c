/* recurrent_models.c: which version of its model a node works with, and what people do about that.
 *
 * The choice is state, and changed at a barrier (PL_COMMAND_STATE): a run that goes on from a checkpoint, or is played
 * again from the log, works with the version that was at work at that row.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "recurrent_node.h"

enum { PATH_SIZE = 4096 };

/* ---- Loading ---- */

static void unload(struct loaded *l) {
    forecaster_free(&l->forecaster);
    model_free(&l->model);
    *l = (struct loaded){0};
}

static enum pl_code fits(const struct recurrent *r, const struct model *model, const char *path,
                         struct pl_error **error) {
    const struct network_shape *shape = &model->network.shape;
    if (shape->signals > (uint32_t)r->o.signals)
        return pl_error_set(error, PL_LIMIT, "%s: it takes %u signals, the option `signals` allows %d", path,
                            shape->signals, (int)r->o.signals);
    if (network_state(shape) > (size_t)r->o.state)
        return pl_error_set(error, PL_LIMIT, "%s: its state has %zu numbers, the option `state` allows %d", path,
                            network_state(shape), (int)r->o.state);
    return PL_OK;
}

static enum pl_code load(const struct recurrent *r, const struct choice *choice, uint32_t version, struct loaded *l,
                         struct pl_error **error) {
    char path[PATH_SIZE];
    const bool file = choice->file != 0;
    if (!file && !model_version_path(r->o.model, version, path, sizeof path))
        return pl_error_set(error, PL_LIMIT, "model: the name is too long");
    const char *name = file ? r->o.model : path;
    *l = (struct loaded){.version = version};
    enum pl_code code = model_read(name, &r->o.inputs, &l->model, error);
    if (!code) code = fits(r, &l->model, name, error);
    if (!code && !forecaster_make(&l->forecaster, &l->model.network))
        code = pl_error_set(error, PL_NO_MEMORY, "%s: no memory", name);
    l->there = !code;
    if (code) unload(l);
    return code;
}

/* A shadow is given the same frames. */
static enum pl_code compare(const struct loaded *active, const struct loaded *shadow, struct pl_error **error) {
    bool same = active->there && active->model.network.shape.signals == shadow->model.network.shape.signals;
    for (uint32_t s = 0; same && s < active->model.network.shape.signals; s++)
        same = strcmp(active->model.input[s], shadow->model.input[s]) == 0;
    return same ? PL_OK
                : pl_error_set(error, PL_CONFLICT, "version %u takes other signals than the one at work",
                               shadow->version);
}

static void say(struct pl_node *node, const char *format, ...) PL_PRINTF(2, 3);

/* Each of them is to be seen, though they are alike. */
static void say(struct pl_node *node, const char *format, ...) {
    struct pl_diag_site fresh = {0};
    char text[PATH_SIZE + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pl_diag_write(&fresh, node, PL_WARN, "%s", text);
}

static void say_error(struct pl_node *node, struct pl_error **error, const char *what) {
    char *why = *error ? pl_error_text(*error) : NULL;
    say(node, "%s; %s", why ? why : "no memory", what);
    pl_free(why);
    pl_error_free(error);
}

/* Whether a node may begin with a version by itself; if not it says why. */
static bool is_good(const struct recurrent *r, struct pl_node *node, uint32_t version) {
    struct loaded tried;
    struct pl_error *error = NULL;
    if (load(r, &(struct choice){0}, version, &tried, &error)) {
        say_error(node, &error, "an older version is looked for");
        return false;
    }
    const bool worse = model_forecasts_worse(&tried.model);
    if (worse)
        say(node,
            "version %" PRIu32 " of %s forecasts worse than that nothing changes (error %s, unchanged %s): it is not "
            "taken, unless by `detector promote %" PRIu32 "`",
            version, r->o.model, model_note(&tried.model, "error"), model_note(&tried.model, "unchanged"), version);
    unload(&tried);
    return !worse;
}

/* Without a choice yet: the file, or the newest version that can be read and is of use. False: there is none. */
static bool choose_first(struct recurrent *r, struct pl_node *node, struct choice *choice) {
    uint32_t *versions;
    unsigned count;
    *choice = (struct choice){.file = model_is_file(r->o.model), .active = 1};
    if (choice->file) return true;
    choice->active = 0;
    if (model_versions(r->o.model, &versions, &count, NULL) || !count) return false;
    const uint32_t newest = versions[count - 1];
    if (newest != r->refused) /* they have been looked at, and said to be of no use */
        for (unsigned i = count; i-- > 0 && !choice->active;)
            if (is_good(r, node, versions[i])) choice->active = versions[i];
    r->refused = choice->active ? 0 : newest;
    pl_free(versions);
    return choice->active != 0;
}

/* What its rows come from: "detect.recurrent models/pots/3 ...". Of a long path the end, so that the number is there.
 */
static void say_version(const struct recurrent *r, struct pl_node *node, const struct choice *choice) {
    enum { SHOWN = 48 };
    char text[SHOWN + 16];
    const size_t length = strlen(r->o.model);
    const char *path = r->o.model + (length > SHOWN ? length - SHOWN : 0);
    while (path > r->o.model && ((unsigned char)*path & 0xC0) == 0x80)
        path++; /* not in the middle of a character */
    if (choice->file)
        snprintf(text, sizeof text, "%s", path);
    else
        snprintf(text, sizeof text, "%s/%" PRIu32, path, choice->active);
    pl_node_model(node, NULL, text, NULL);
}

static enum pl_code settle_role(struct recurrent *r, struct pl_node *node, const struct choice *choice, unsigned role,
                                uint32_t version) {
    struct loaded *l = &r->loaded[role];
    if (l->there && l->version == version) return PL_OK;
    if (role == ROLE_ACTIVE && r->slot) memset(r->slot, 0, r->slots * sizeof *r->slot);
    unload(l);
    enum pl_code code = version ? load(r, choice, version, l, &r->error) : PL_OK;
    if (!code && role == ROLE_ACTIVE) say_version(r, node, choice);
    return code;
}

/* The choice, and what of it cannot be loaded any more taken back: what is broken in a folder of versions ends no node.
 * A version at work is replaced by the best there is otherwise. */
static bool settle_version(struct recurrent *r, struct pl_node *node, unsigned role) {
    struct pl_table *table = pl_node_table(node, TABLE_CHOICE);
    const struct choice *known = pl_table_find(table, 0, 0);
    if (!settle_role(r, node, known, role, role == ROLE_ACTIVE ? known->active : known->shadow)) return true;
    struct choice *choice = known->file ? NULL : pl_table_get(table, 0, 0);
    if (!choice) return false;
    say_error(node, &r->error, role == ROLE_ACTIVE ? "another version is looked for" : "it judges no longer");
    if (role == ROLE_ACTIVE) choice->active = choice->before = 0;
    choice->shadow = 0;
    return role == ROLE_SHADOW || models_settle(r, node);
}

bool models_settle(struct recurrent *r, struct pl_node *node) {
    struct pl_table *table = pl_node_table(node, TABLE_CHOICE);
    const struct choice *known = pl_table_find(table, 0, 0);
    if (!known || !known->active || (known->file != 0) != model_is_file(r->o.model)) {
        struct choice first;
        if (!choose_first(r, node, &first)) return true;
        struct choice *made = pl_table_get(table, 0, 0);
        if (!made) return false;
        *made = first;
    }
    return settle_version(r, node, ROLE_ACTIVE) && settle_version(r, node, ROLE_SHADOW);
}

void models_fini(struct recurrent *r) {
    for (unsigned role = 0; role < ROLES; role++)
        unload(&r->loaded[role]);
    pl_error_free(&r->error);
}

/* ---- What people do ---- */

struct version_args {
    int64_t version;
    const char *node;
};
struct node_args {
    const char *node;
};

static const struct pl_option version_options[] = {
    PL_OPT_INT(struct version_args, version, "version", NULL, "0", "999999999", PL_FIXED, "The number of a version."),
    PL_OPT_STRING(struct version_args, node, "node", "", PL_FIXED, "Of this node only."),
    PL_OPT_END,
};
static const struct pl_option node_options[] = {
    PL_OPT_STRING(struct node_args, node, "node", "", PL_FIXED, "Of this node only."),
    PL_OPT_END,
};

static enum pl_code is_asked(const struct recurrent *r, const struct pl_node *node, const char *name,
                             struct pl_error **error) {
    if (*name && strcmp(name, pl_node_name(node)) != 0) return PL_NOT_FOUND;
    return model_is_file(r->o.model)
               ? pl_error_set(error, PL_CONFLICT, "%s works with one file, which has no versions", pl_node_name(node))
               : PL_OK;
}

static void tell_change(struct pl_call *call, const struct pl_node *node, const char *what, uint32_t from,
                        uint32_t to) {
    char object[PL_NAME_MAX + 32], old[16], new[16];
    snprintf(object, sizeof object, "%s.%s", pl_node_name(node), what);
    snprintf(old, sizeof old, "%u", from);
    snprintf(new, sizeof new, "%u", to);
    pl_call_changed(call, object, old, new);
}

/* The choice, to be changed; NULL after saying why. */
static struct choice *choice_of(struct pl_node *node, enum pl_code *code, struct pl_error **error) {
    struct choice *choice = pl_table_get(pl_node_table(node, TABLE_CHOICE), 0, 0);
    if (!choice) *code = pl_error_set(error, PL_NO_MEMORY, "no memory for the choice");
    return choice;
}

static enum pl_code change_active(struct recurrent *r, struct pl_node *node, struct pl_call *call, uint32_t version,
                                  struct pl_error **error) {
    struct loaded tried;
    enum pl_code code = load(r, &(struct choice){0}, version, &tried, error);
    if (code) return code;
    struct choice *choice = choice_of(node, &code, error);
    unload(&tried);
    if (!choice) return code;
    tell_change(call, node, "model", choice->active, version);
    if (choice->active != version) choice->before = choice->file ? 0 : choice->active;
    choice->active = version;
    choice->file = 0;
    choice->shadow = 0;
    return PL_OK;
}

static enum pl_code promote(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    const struct version_args *a = args;
    struct recurrent *r = self;
    enum pl_code code = is_asked(r, node, a->node, error);
    if (!code && !a->version) code = pl_error_set(error, PL_RANGE, "versions begin at 1");
    return code ? code : change_active(r, node, call, (uint32_t)a->version, error);
}

static enum pl_code rollback(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct node_args *a = args;
    struct recurrent *r = self;
    enum pl_code code = is_asked(r, node, a->node, error);
    const struct choice *known = pl_table_find(pl_node_table(node, TABLE_CHOICE), 0, 0);
    if (code) return code;
    if (!known || !known->before)
        return pl_error_set(error, PL_CONFLICT, "%s has not worked with another version before", pl_node_name(node));
    return change_active(r, node, call, known->before, error);
}

static enum pl_code shadow(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                           struct pl_error **error) {
    const struct version_args *a = args;
    struct recurrent *r = self;
    struct loaded tried = {0};
    enum pl_code code = is_asked(r, node, a->node, error);
    if (!code && !models_settle(r, node))
        code = pl_error_set(error, PL_UNAVAILABLE, "the version at work is not there");
    if (!code && a->version) code = load(r, &(struct choice){0}, (uint32_t)a->version, &tried, error);
    if (!code && a->version) code = compare(&r->loaded[ROLE_ACTIVE], &tried, error);
    unload(&tried);
    struct choice *choice = code ? NULL : choice_of(node, &code, error);
    if (!choice) return code;
    tell_change(call, node, "shadow", choice->shadow, (uint32_t)a->version);
    choice->shadow = (uint32_t)a->version;
    return PL_OK;
}

static const char *role_of(const struct choice *choice, uint32_t version) {
    if (!choice) return "";
    if (version == choice->active) return "active";
    if (version == choice->shadow) return "shadow";
    return version == choice->before ? "before" : "";
}

static void tell_version(struct recurrent *r, struct pl_node *node, const struct choice *choice, uint32_t version,
                         struct pl_call *call) {
    struct loaded l;
    struct pl_error *error = NULL;
    static const char *const notes[] = {"first", "cut", "last", "graph", "error", "unchanged"};
    load(r, &(struct choice){0}, version, &l, &error);
    char *why = error ? pl_error_text(error) : NULL;
    char index[32] = "", of[2 * PL_NAME_MAX + 32] = "";
    if (choice && version == choice->active && version == r->loaded[ROLE_ACTIVE].version)
        drift_tell_most(r, node, index, sizeof index, of, sizeof of);
    struct pl_pack *row = pl_reply_row(call, 7 + PL_COUNT_OF(notes));
    pl_pack_pair_str(row, "node", pl_node_name(node));
    pl_pack_pair_int(row, "partition", pl_node_partition(node));
    pl_pack_pair_int(row, "version", version);
    pl_pack_pair_str(row, "role", role_of(choice, version));
    for (unsigned i = 0; i < PL_COUNT_OF(notes); i++)
        pl_pack_pair_str(row, notes[i], model_note(&l.model, notes[i]));
    pl_pack_pair_str(row, "drift", index);
    pl_pack_pair_str(row, "drift_of", of);
    pl_pack_pair_str(row, "problem", why ? why : "");
    pl_free(why);
    pl_error_free(&error);
    unload(&l);
}

static enum pl_code list(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                         struct pl_error **error) {
    const struct node_args *a = args;
    struct recurrent *r = self;
    uint32_t *versions;
    unsigned count;
    if (*a->node && strcmp(a->node, pl_node_name(node)) != 0) return PL_NOT_FOUND;
    if (model_is_file(r->o.model)) return PL_OK;
    enum pl_code code = model_versions(r->o.model, &versions, &count, error);
    const struct choice *choice = pl_table_find(pl_node_table(node, TABLE_CHOICE), 0, 0);
    for (unsigned i = 0; i < count; i++) /* all partitions have the same folder, but drift by themselves */
        if (!pl_node_partition(node) || (choice && versions[i] == choice->active))
            tell_version(r, node, choice, versions[i], call);
    pl_free(versions);
    return code;
}

const struct pl_command recurrent_commands[] = {
    {.name = "detector models",
     .doc = "Lists the versions of the model of detect.recurrent nodes: which is at work, from which data, how good.",
     .roles = PL_MAY_SEE,
     .args = node_options,
     .args_size = sizeof(struct node_args),
     .run = list},
    {.name = "detector shadow",
     .doc = "Lets a version judge beside the one at work, counted and not told; 0 ends it.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = version_options,
     .args_size = sizeof(struct version_args),
     .run = shadow},
    {.name = "detector promote",
     .doc = "Puts a version to work.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = version_options,
     .args_size = sizeof(struct version_args),
     .run = promote},
    {.name = "detector rollback",
     .doc = "Puts the version back to work that was at work before.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = node_options,
     .args_size = sizeof(struct node_args),
     .run = rollback},
    {.name = NULL},
};
