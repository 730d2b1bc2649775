/* commands.c: constraints as people set them: kept across runs (c/QUANTITY/SCOPE), numbered by version, in effect at
 * the next run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "setpoints.h"

/* ---- Keeping ---- */

static enum pl_code keep(struct optimize *s, const struct limit_row *row, uint64_t version, struct pl_error **error) {
    char key[PL_KEPT_KEY_MAX + 1];
    snprintf(key, sizeof key, "c/%s/%s", quantity_rows[row->of].name, row->scope);
    pl_pack_reset(s->body);
    pl_pack_array(s->body, 4);
    pl_pack_f64(s->body, row->limit.low);
    pl_pack_f64(s->body, row->limit.high);
    pl_pack_uint(s->body, row->limit.rank);
    pl_pack_uint(s->body, version);
    return pl_kept_put(s->node, key, s->body, error);
}

static int quantity_named(const char *name, size_t length) {
    for (int i = 0; i < QUANTITIES; i++)
        if (strlen(quantity_names[i]) == length && strncmp(quantity_names[i], name, length) == 0) return i;
    return -1;
}

static bool load_row(struct optimize *s, const char *key, struct pl_unpack *value) {
    const char *name = key + 2, *slash = strncmp(key, "c/", 2) == 0 ? strchr(name, '/') : NULL;
    int of = slash ? quantity_named(name, (size_t)(slash - name)) : -1;
    struct limit_row row = {.of = (enum quantity)of};
    uint32_t items;
    uint64_t rank, version;
    if (of < 0 || strlen(slash + 1) >= sizeof row.scope) return false;
    strcpy(row.scope, slash + 1);
    if (!pl_unpack_array(value, &items) || items != 4 || !pl_unpack_f64(value, &row.limit.low) ||
        !pl_unpack_f64(value, &row.limit.high) || !pl_unpack_uint(value, &rank) || !pl_unpack_uint(value, &version))
        return false;
    row.limit.rank = (unsigned)rank;
    uint64_t newest = s->limits.version;
    if (limits_set(&s->limits, &row, NULL)) return false;
    s->limits.version = version > newest ? version : newest;
    return true;
}

/* One that the graph's limits contradict by now is not taken silently, and does not keep the engine from starting. */
static enum pl_code load_one(void *self, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct optimize *s = self;
    (void)error;
    if (!load_row(s, key, value))
        pl_node_diag(s->node, PL_ERROR, "the constraint kept as %s does not fit the graph's limits: it is left out",
                     key);
    return PL_OK;
}

enum pl_code constraints_load(struct optimize *s, struct pl_error **error) {
    return pl_kept_each(s->node, load_one, s, error);
}

/* ---- Telling ---- */

static void reply(struct pl_call *call, const char *scope, enum quantity of, const struct limit *l, const char *source,
                  uint64_t version) {
    const struct quantity_row *q = &quantity_rows[of];
    struct pl_pack *row = pl_reply_row(call, 8);
    pl_pack_pair_str(row, "scope", scope);
    pl_pack_pair_str(row, "constraint", q->name);
    pl_pack_pair_f64(row, "low", l->low);
    pl_pack_pair_f64(row, "high", l->high);
    pl_pack_pair_str(row, "unit", q->unit);
    pl_pack_pair_int(row, "rank", l->rank);
    pl_pack_pair_str(row, "source", source);
    pl_pack_pair_int(row, "version", (int64_t)version);
}

struct list_args {
    const char *scope;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, scope, "scope", "", PL_FIXED, "Only those said of this pot, line or ALL."),
    PL_OPT_END,
};

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct optimize *s = self;
    const struct list_args *wanted = args;
    (void)node;
    (void)error;
    for (unsigned i = 0; i < s->limits.count; i++) {
        const struct limit_row *r = &s->limits.row[i];
        if (*wanted->scope && strcmp(wanted->scope, r->scope) != 0) continue;
        reply(call, r->scope, r->of, &r->limit, "set", s->limits.version);
    }
    for (int i = 0; i < QUANTITIES && (!*wanted->scope || strcmp(wanted->scope, "ALL") == 0); i++)
        if (!limits_find(&s->limits, "ALL", (enum quantity)i))
            reply(call, "ALL", (enum quantity)i, &quantity_rows[i].usual, "usual", s->limits.version);
    return PL_OK;
}

struct get_args {
    const char *scope;
    uint32_t of;
};

static const struct pl_option get_args[] = {
    PL_OPT_STRING(struct get_args, scope, "scope", NULL, PL_FIXED, "A pot, a line or ALL."),
    PL_OPT_CHOICE(struct get_args, of, "constraint", NULL, quantity_names, PL_FIXED, "What is limited."),
    PL_OPT_END,
};

static enum pl_code get_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    const struct optimize *s = self;
    const struct get_args *wanted = args;
    struct limit all[QUANTITIES];
    (void)node;
    (void)error;
    limits_of(&s->limits, wanted->scope, all);
    reply(call, wanted->scope, (enum quantity)wanted->of, &all[wanted->of], "in force", s->limits.version);
    return PL_OK;
}

/* ---- Setting ---- */

struct set_args {
    const char *scope;
    uint32_t of;
    double low, high;
    int64_t rank;
    const char *reason;
};

static const struct pl_option set_args[] = {
    PL_OPT_STRING(struct set_args, scope, "scope", NULL, PL_FIXED, "A pot, a line or ALL."),
    PL_OPT_CHOICE(struct set_args, of, "constraint", NULL, quantity_names, PL_FIXED, "What is limited."),
    PL_OPT_NUMBER(struct set_args, low, "low", NULL, NULL, NULL, PL_FIXED, "The least; -.inf: any."),
    PL_OPT_NUMBER(struct set_args, high, "high", NULL, NULL, NULL, PL_FIXED, "The most; .inf: any."),
    PL_OPT_INT(struct set_args, rank, "rank", "1", "0", "9", PL_FIXED,
               "0 is never given up; of the others the highest gives way first."),
    PL_OPT_STRING(struct set_args, reason, "reason", NULL, PL_FIXED, "Why."),
    PL_OPT_END,
};

static const struct pl_option validate_args[] = {
    PL_OPT_STRING(struct set_args, scope, "scope", NULL, PL_FIXED, "A pot, a line or ALL."),
    PL_OPT_CHOICE(struct set_args, of, "constraint", NULL, quantity_names, PL_FIXED, "What would be limited."),
    PL_OPT_NUMBER(struct set_args, low, "low", NULL, NULL, NULL, PL_FIXED, "The least; -.inf: any."),
    PL_OPT_NUMBER(struct set_args, high, "high", NULL, NULL, NULL, PL_FIXED, "The most; .inf: any."),
    PL_OPT_INT(struct set_args, rank, "rank", "1", "0", "9", PL_FIXED, "As for constraints set."),
    PL_OPT_END,
};

static enum pl_code row_of(const struct set_args *a, struct limit_row *row, struct pl_error **error) {
    *row = (struct limit_row){.of = (enum quantity)a->of, .limit = {a->low, a->high, (unsigned)a->rank}};
    if (!*a->scope || strlen(a->scope) >= sizeof row->scope || strchr(a->scope, '/'))
        return pl_error_set(error, PL_RANGE, "'%s' is no scope: write ALL, a line or a pot", a->scope);
    strcpy(row->scope, a->scope);
    return PL_OK;
}

static void as_text(const struct limit *l, char *out, size_t size) {
    snprintf(out, size, "%g to %g, rank %u", l->low, l->high, l->rank);
}

static enum pl_code set_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    struct optimize *s = self;
    struct limit_row row;
    struct limit before[QUANTITIES];
    char object[160], from[80], to[80];
    (void)node;
    enum pl_code code = row_of(args, &row, error);
    if (code) return code;
    limits_of(&s->limits, row.scope, before);
    snprintf(object, sizeof object, "constraint %s of %s", quantity_rows[row.of].name, row.scope);
    as_text(&before[row.of], from, sizeof from);
    as_text(&row.limit, to, sizeof to);
    pl_call_changed(call, object, from, to);
    struct limits *tried = &s->limits;
    unsigned count = tried->count;
    const struct limit_row *old = limits_find(tried, row.scope, row.of);
    struct limit_row kept = old ? *old : row;
    if ((code = limits_set(tried, &row, error))) return code;
    code = keep(s, &row, tried->version, error);
    if (code) { /* what cannot be kept does not hold either */
        tried->count = count;
        tried->version--;
        if (old) tried->row[old - tried->row] = kept;
        return code;
    }
    reply(call, row.scope, row.of, &row.limit, "set", tried->version);
    return PL_OK;
}

static enum pl_code validate_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                 struct pl_error **error) {
    const struct optimize *s = self;
    struct limit_row row;
    struct limit all[QUANTITIES];
    (void)node;
    enum pl_code code = row_of(args, &row, error);
    if (!code) code = limits_check(&row, error);
    if (code) return code;
    limits_of(&s->limits, row.scope, all);
    all[row.of] = row.limit;
    if ((code = limits_agree(all, row.scope, error))) return code;
    reply(call, row.scope, row.of, &row.limit, "would hold", s->limits.version);
    return PL_OK;
}

/* ---- What was decided ---- */

static const char *const target_names[TARGETS] = {"acd", "feed", "alf3", "current"};

struct decided_args {
    const char *asset;
};

static const struct pl_option decided_args[] = {
    PL_OPT_STRING(struct decided_args, asset, "asset", "*", PL_FIXED, "Of these pots: a name or pattern."),
    PL_OPT_END,
};

static void put_number(struct pl_pack *row, const char *key, double value) {
    pl_pack_str(row, key);
    if (isfinite(value))
        pl_pack_f64(row, value);
    else
        pl_pack_nil(row);
}

static void put_time(struct pl_pack *row, const char *key, pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, (size_t)(pl_text_put_time(text, time) - text));
}

static enum pl_code decided_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                struct pl_error **error) {
    const struct optimize *s = self;
    const struct decided_args *wanted = args;
    struct pl_table *pots = pl_node_table(node, TABLE_POTS);
    (void)error;
    for (struct pl_record *record = pl_table_next(pots, NULL); record; record = pl_table_next(pots, record)) {
        const struct pot_record *r = pl_record_data(record);
        const char *asset = pl_tags_get(pl_node_tags(node), record->id)->name;
        if (!r->solved_at || r->rung >= POT_RUNGS || !pl_glob(wanted->asset, asset)) continue;
        struct pl_pack *row = pl_reply_row(call, 10 + TARGETS);
        pl_pack_pair_str(row, "asset", asset);
        put_time(row, "time", r->solved_at);
        pl_pack_pair_str(row, "status", pot_rung_names[r->rung]);
        pl_pack_pair_str(row, "solver", nlp_solver_names[s->solver]);
        put_number(row, "before_kwh_per_t", r->energy[0]);
        put_number(row, "kwh_per_t", r->energy[1]);
        put_number(row, "saved_kwh_per_t", r->energy[0] - r->energy[1]);
        for (int i = 0; i < TARGETS; i++)
            put_number(row, target_names[i], *s->target[i] ? r->set[i] : NAN);
        pl_pack_pair_str(row, "sent", r->sends ? "yes" : "no");
        pl_pack_pair_int(row, "generation", (int64_t)r->token);
        pl_pack_pair_str(row, "reason", r->reason);
    }
    return PL_OK;
}

const struct pl_command optimize_commands[] = {
    {.name = "optimizations list",
     .doc = "What was decided last for each pot: by how much, how, and why.",
     .roles = PL_MAY_SEE,
     .args = decided_args,
     .args_size = sizeof(struct decided_args),
     .run = decided_run},
    {.name = "constraints list",
     .doc = "Lists the constraints of the optimiser: the usual ones, the graph's and people's.",
     .roles = PL_MAY_SEE,
     .args = list_args,
     .args_size = sizeof(struct list_args),
     .run = list_run},
    {.name = "constraints get",
     .doc = "The constraint that holds for a pot, a line or the plant.",
     .roles = PL_MAY_SEE,
     .args = get_args,
     .args_size = sizeof(struct get_args),
     .run = get_run},
    {.name = "constraints set",
     .doc = "Sets a constraint of the optimiser, from its next run on; one that contradicts others is refused.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .args = set_args,
     .args_size = sizeof(struct set_args),
     .run = set_run},
    {.name = "constraints validate",
     .doc = "Says whether a constraint could be set, and if not, why; nothing changes.",
     .roles = PL_MAY_SEE,
     .args = validate_args,
     .args_size = sizeof(struct set_args),
     .run = validate_run},
    {.name = NULL},
};
