/* decide.c: what people have decided about rules: values of parameters, which are off.
 *
 * It is part of the state: carried out at a barrier, it is saved with that epoch. Once that is safe it is kept beside
 * the state too (potline/kept.h), for a node that is to start afresh, and for runs without a log.
 */
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "node.h"

/* ---- What the graph says ---- */

static void take_graph_values(const struct rules *rules, struct ruleset *set) {
    const struct override *overrides = rules->params.items;
    for (uint32_t i = 0; i < rules->params.count; i++) {
        struct rule *rule = rules__named(set, overrides[i].rule);
        int index = rule ? rule_param(rule, overrides[i].param) : -1;
        if (index < 0) continue; /* refused by check; gone since in a file read again */
        rule->param[index].value = overrides[i].value;
        rule->param[index].from = PARAM_GRAPH;
    }
}

/* ---- What people say ---- */

/* Of a rule or parameter that is gone it is left where it is, unused. */
static void apply(struct pl_node *node, const struct ruleset *set, const char *name, const char *param, double value) {
    struct rule *rule = rules__named(set, name);
    if (rule && !*param) rule->off = value != 0;
    int index = rule && *param ? rule_param(rule, param) : -1;
    if (index < 0) return;
    struct param *p = &rule->param[index];
    if (value >= p->low && value <= p->high) {
        p->value = value;
        p->from = PARAM_SET;
    } else {
        pl_node_diag(node, PL_WARN, "%s.%s was set to %g, which is no longer in its range: left at %g", name, param,
                     value, p->value);
    }
}

void rules__take_decisions(struct rules *rules, const struct ruleset *set, struct pl_node *node) {
    const struct pl_table *decisions = pl_node_table(node, TABLE_DECISIONS);
    for (struct pl_record *r = pl_table_next(decisions, NULL); r; r = pl_table_next(decisions, r)) {
        const struct decision *decision = pl_record_data(r);
        apply(node, set, decision->rule, decision->param, decision->value);
        rules->unkept = pl_node_epoch(node);
    }
}

struct taking {
    const struct ruleset *set;
    struct pl_node *node;
};

/* Keys are "param/RULE/PARAM" and "off/RULE". */
static enum pl_code take_kept(void *user, const char *key, struct pl_unpack *value, struct pl_error **error) {
    (void)error;
    const struct taking *taking = user;
    char rule[RULE_NAME_MAX + 1];
    const char *name = strchr(key, '/'), *param = name ? strchr(name + 1, '/') : NULL;
    double number = 1;
    bool off = strncmp(key, "off/", 4) == 0;
    if (!name || off == (param != NULL) || (!off && !pl_unpack_f64(value, &number))) return PL_OK;
    snprintf(rule, sizeof rule, "%.*s", (int)(param ? param - name - 1 : (ptrdiff_t)strlen(name + 1)), name + 1);
    apply(taking->node, taking->set, rule, param ? param + 1 : "", number);
    return PL_OK;
}

enum pl_code rules__apply_values(struct rules *rules, struct ruleset *set, struct pl_node *node,
                                 struct pl_error **error) {
    struct taking taking = {.set = set, .node = node};
    take_graph_values(rules, set);
    enum pl_code code = pl_kept_each(node, take_kept, &taking, error);
    if (!code) rules__take_decisions(rules, set, node);
    return code;
}

/* ---- Deciding ---- */

static enum pl_code keep(struct pl_node *node, const struct decision *decision, struct pl_error **error) {
    char key[PL_KEPT_KEY_MAX];
    bool param = *decision->param;
    snprintf(key, sizeof key, param ? "param/%s/%s" : "off/%s", decision->rule, decision->param);
    if (!param && !decision->value) {
        enum pl_code code = pl_kept_drop(node, key, NULL);
        return code == PL_NOT_FOUND ? PL_OK : code;
    }
    struct pl_pack *value = pl_pack_new();
    if (!value) return pl_error_set(error, PL_NO_MEMORY, "no memory");
    if (param)
        pl_pack_f64(value, decision->value);
    else
        pl_pack_bool(value, true);
    enum pl_code code = pl_kept_put(node, key, value, error);
    pl_pack_free(value);
    return code;
}

enum pl_code rules__decide(struct rules *rules, struct pl_node *node, const struct rule *rule, const char *param,
                           double value, struct pl_error **error) {
    uint64_t hash = hash_end(hash_text(hash_text(HASH_START, rule->name), param));
    struct decision *decision = pl_table_get(pl_node_table(node, TABLE_DECISIONS), 0, (int64_t)hash);
    if (!decision) return pl_error_set(error, PL_LIMIT, "no room to keep it: max_keys");
    snprintf(decision->rule, sizeof decision->rule, "%s", rule->name);
    snprintf(decision->param, sizeof decision->param, "%s", param);
    decision->value = value;
    rules->unkept = pl_node_epoch(node);
    return rules->unkept ? PL_OK : keep(node, decision, error);
}

void rules__commit(void *self, struct pl_node *node, uint64_t epoch) {
    struct rules *rules = self;
    const struct pl_table *decisions = pl_node_table(node, TABLE_DECISIONS);
    struct pl_error *error = NULL;
    if (!rules->unkept || rules->unkept > epoch) return;
    enum pl_code code = PL_OK;
    for (struct pl_record *r = pl_table_next(decisions, NULL); r && !code; r = pl_table_next(decisions, r))
        code = keep(node, pl_record_data(r), &error);
    if (code)
        pl_node_diag(node, PL_WARN, "what was set is not kept for a fresh start yet: %s",
                     error ? error->text : pl_code_text(code));
    else
        rules->unkept = 0;
    pl_error_free(&error);
}
