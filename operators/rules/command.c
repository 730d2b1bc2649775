/* command.c: rules list, reload, enable, disable, params, set. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "node.h"

struct rule_args {
    const char *rule;
    const char *param;
    double value;
};

static const struct pl_option rule_args[] = {
    PL_OPT_STRING(struct rule_args, rule, "rule", NULL, PL_FIXED, "Name of the rule."),
    PL_OPT_END,
};
static const struct pl_option params_args[] = {
    PL_OPT_STRING(struct rule_args, rule, "rule", "", PL_FIXED, "Name of the rule; without one, all."),
    PL_OPT_END,
};
static const struct pl_option set_args[] = {
    PL_OPT_STRING(struct rule_args, rule, "rule", NULL, PL_FIXED, "Name of the rule."),
    PL_OPT_STRING(struct rule_args, param, "param", NULL, PL_FIXED, "Name of the parameter."),
    PL_OPT_NUMBER(struct rule_args, value, "value", NULL, NULL, NULL, PL_FIXED, "Its new value."),
    PL_OPT_END,
};

static enum pl_code find_rule(struct rules *rules, const char *name, struct rule **rule, struct pl_error **error) {
    const char *names[RULES_MAX];
    *rule = rules__named(rules->set, name);
    if (*rule) return PL_OK;
    for (uint32_t i = 0; i < rules->set->count; i++)
        names[i] = rules->set->rule[i]->name;
    const char *nearest = pl_text_nearest(name, names, rules->set->count);
    return pl_error_set(error, PL_NOT_FOUND, "no rule %s; %s%s%s", name, nearest ? "did you mean " : "",
                        nearest ? nearest : "see: rules", nearest ? "?" : "");
}

/* ---- Seeing ---- */

static int64_t active_tags(struct pl_node *node, const struct rule *rule) {
    int64_t active = 0;
    const struct pl_table *states = pl_node_table(node, TABLE_STATES);
    for (struct pl_record *r = pl_table_next(states, NULL); r; r = pl_table_next(states, r))
        active += r->sub == rule->key && ((const struct state *)pl_record_data(r))->phase >= PHASE_RAISED;
    return active;
}

static void list_rule(struct rules *rules, struct pl_node *node, const struct rule *rule, struct pl_call *call) {
    char place[512];
    (void)rules;
    snprintf(place, sizeof place, "%s:%d", rule->file, rule->line);
    struct pl_pack *row = pl_reply_row(call, 13);
    pl_pack_pair_str(row, "rule", rule->name);
    pl_pack_pair_str(row, "node", pl_node_name(node));
    pl_pack_pair_str(row, "on", pl_kind_info[rule->on].name);
    pl_pack_pair_str(row, "state", rule->off ? "off" : rule->disabled ? "disabled" : "on");
    pl_pack_pair_int(row, "active", active_tags(node, rule));
    pl_pack_pair_int(row, "evaluated", (int64_t)rule->evaluated);
    pl_pack_pair_int(row, "raised", (int64_t)rule->raised);
    pl_pack_pair_int(row, "cleared", (int64_t)rule->cleared);
    pl_pack_pair_int(row, "errors", (int64_t)rule->errors);
    pl_pack_pair_int(row, "ns_per_call", rule->timed ? (int64_t)(rule->timed_ns / rule->timed) : 0);
    pl_pack_pair_str(row, "file", place);
    pl_pack_pair_str(row, "doc", rule->doc);
    pl_pack_pair_str(row, "error", rule->error);
}

static enum pl_code run_list(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    (void)args;
    (void)error;
    struct rules *rules = self;
    rules__attach(rules, node);
    for (uint32_t i = 0; i < rules->set->count; i++)
        list_rule(rules, node, rules->set->rule[i], call);
    return PL_OK;
}

static void list_params(struct pl_node *node, const struct rule *rule, struct pl_call *call) {
    static const char *const from[] = {[PARAM_RULE] = "rule", [PARAM_GRAPH] = "graph", [PARAM_SET] = "set"};
    for (uint32_t i = 0; i < rule->params; i++) {
        const struct param *p = &rule->param[i];
        struct pl_pack *row = pl_reply_row(call, 10);
        pl_pack_pair_str(row, "rule", rule->name);
        pl_pack_pair_str(row, "param", p->name);
        pl_pack_pair_f64(row, "value", p->value);
        pl_pack_pair_str(row, "unit", p->unit);
        pl_pack_pair_str(row, "from", from[p->from]);
        pl_pack_pair_f64(row, "default", p->fallback);
        pl_pack_pair_f64(row, "low", p->low);
        pl_pack_pair_f64(row, "high", p->high);
        pl_pack_pair_str(row, "doc", p->doc);
        pl_pack_pair_str(row, "node", pl_node_name(node));
    }
}

static enum pl_code run_params(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    struct rules *rules = self;
    rules__attach(rules, node);
    const char *name = ((const struct rule_args *)args)->rule;
    struct rule *only = NULL;
    enum pl_code code = *name ? find_rule(rules, name, &only, error) : PL_OK;
    for (uint32_t i = 0; !code && i < rules->set->count; i++)
        if (!only || rules->set->rule[i] == only) list_params(node, rules->set->rule[i], call);
    return code;
}

/* ---- Changing ---- */

static enum pl_code run_reload(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    (void)args;
    struct rules *rules = self;
    char from[RULES_COUNT_TEXT], to[RULES_COUNT_TEXT];
    rules__count_text(rules->set, from);
    enum pl_code code = rules__reload(rules, node, error);
    if (code) return code;
    rules__count_text(rules->set, to);
    pl_call_changed(call, pl_node_name(node), from, to);
    struct pl_pack *row = pl_reply_row(call, 2);
    pl_pack_pair_str(row, "node", pl_node_name(node));
    pl_pack_pair_int(row, "rules", rules->set->count);
    return PL_OK;
}

static const char *state_name(const struct rule *rule) {
    return rule->off ? "off" : rule->disabled ? "disabled" : "on";
}

static void pardon(const struct rules *rules, struct pl_node *node, struct rule *rule) {
    rule->disabled = false;
    rule->strikes = 0;
    rule->credit = rules->budget;
    rules__keep_standing(node, rule);
}

/* What is only pending begins anew: nobody has watched meanwhile. */
static enum pl_code turn(struct rules *rules, struct pl_node *node, struct rule *rule, bool off,
                         struct pl_error **error) {
    enum pl_code code = rules__decide(rules, node, rule, "", off, error);
    if (code) return code;
    bool good = !off || (rules__clear_all(rules, node, rule, "switched off") && rules__flush(rules, node));
    rule->off = off;
    if (!off) pardon(rules, node, rule);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for events");
}

static enum pl_code run_turn(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error, bool off) {
    struct rule *rule;
    rules__attach(self, node);
    enum pl_code code = find_rule(self, ((const struct rule_args *)args)->rule, &rule, error);
    if (code) return code;
    const char *from = state_name(rule);
    code = turn(self, node, rule, off, error);
    if (!code) pl_call_changed(call, rule->name, from, state_name(rule));
    return code;
}

static enum pl_code run_enable(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    return run_turn(self, node, args, call, error, false);
}

static enum pl_code run_disable(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                struct pl_error **error) {
    return run_turn(self, node, args, call, error, true);
}

static enum pl_code find_param(struct rule *rule, const char *name, struct param **param, struct pl_error **error) {
    const char *names[RULE_PARTS_MAX];
    int index = rule_param(rule, name);
    for (uint32_t i = 0; i < rule->params; i++)
        names[i] = rule->param[i].name;
    const char *nearest = pl_text_nearest(name, names, rule->params);
    if (index < 0)
        return pl_error_set(error, PL_UNKNOWN, "rule %s has no parameter %s; %s%s%s", rule->name, name,
                            nearest ? "did you mean " : "", nearest ? nearest : "see: rules params",
                            nearest ? "?" : "");
    *param = &rule->param[index];
    return PL_OK;
}

static enum pl_code run_set(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    const struct rule_args *a = args;
    char object[160], from[PL_TEXT_F64_MAX], to[PL_TEXT_F64_MAX];
    struct rule *rule;
    struct param *param = NULL;
    rules__attach(self, node);
    enum pl_code code = find_rule(self, a->rule, &rule, error);
    if (!code) code = find_param(rule, a->param, &param, error);
    if (code || !param) return code;
    if (!(a->value >= param->low && a->value <= param->high))
        return pl_error_set(error, PL_RANGE, "%s.%s: %g is not from %g to %g %s", rule->name, param->name, a->value,
                            param->low, param->high, param->unit);
    code = rules__decide(self, node, rule, param->name, a->value, error);
    if (code) return code;
    *pl_text_put_f64(from, param->value) = 0;
    *pl_text_put_f64(to, a->value) = 0;
    param->value = a->value;
    param->from = PARAM_SET;
    snprintf(object, sizeof object, "%s.%s", rule->name, param->name);
    pl_call_changed(call, object, from, to);
    list_params(node, rule, call);
    return PL_OK;
}

const struct pl_command rules__commands[] = {
    {.name = "rules list", .doc = "Rules, their state and how they fare.", .roles = PL_MAY_SEE, .run = run_list},
    {.name = "rules params",
     .doc = "Parameters of rules: values in force, ranges, where they come from.",
     .roles = PL_MAY_SEE,
     .args = params_args,
     .args_size = sizeof(struct rule_args),
     .run = run_params},
    {.name = "rules set",
     .doc = "Sets a parameter of a rule; kept across restarts.",
     .roles = PL_MAY_LIMIT,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = set_args,
     .args_size = sizeof(struct rule_args),
     .run = run_set},
    {.name = "rules reload",
     .doc = "Reads the files again; a file with an error changes nothing.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES,
     .run = run_reload},
    {.name = "rules enable",
     .doc = "Switches a rule on, also one disabled because it failed.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = rule_args,
     .args_size = sizeof(struct rule_args),
     .run = run_enable},
    {.name = "rules disable",
     .doc = "Switches a rule off and clears what it has raised; kept across restarts.",
     .roles = PL_MAY_ENGINEER,
     .flags = PL_COMMAND_CHANGES | PL_COMMAND_STATE,
     .args = rule_args,
     .args_size = sizeof(struct rule_args),
     .run = run_disable},
    {.name = NULL},
};
