#include "trial_rules.h"

#include <string.h>

#include <potline/alloc.h>

#include "runtime/call.h"

static const struct pl_command *list_command(const struct pl_operator *op) {
    for (const struct pl_command *c = op->commands; c && c->name; c++)
        if (strcmp(c->name, "rules list") == 0) return c;
    return NULL;
}

static char *copy_text(const char *text, size_t length) {
    char *copy = pl_alloc(length + 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

static bool is(const char *key, size_t length, const char *name) {
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

/* One pair of the reply's row. */
static bool take_pair(struct pl_unpack *unpack, struct pl__trial_rule *rule) {
    const char *key, *text;
    size_t key_length, length;
    uint64_t *number = NULL;
    if (!pl_unpack_str(unpack, &key, &key_length)) return false;
    if (is(key, key_length, "evaluated")) number = &rule->evaluated;
    if (is(key, key_length, "raised")) number = &rule->raised;
    if (is(key, key_length, "errors")) number = &rule->errors;
    if (number) return pl_unpack_uint(unpack, number);
    bool name = is(key, key_length, "rule"), file = is(key, key_length, "file"), state = is(key, key_length, "state"),
         on = is(key, key_length, "on");
    if (!name && !file && !state && !on) return pl_unpack_skip(unpack);
    if (!pl_unpack_str(unpack, &text, &length)) return false;
    if (name) rule->name = copy_text(text, length);
    if (on) rule->on = copy_text(text, length);
    if (file) rule->place = copy_text(text, length);
    if (state) rule->disabled = is(text, length, "disabled");
    return true;
}

static bool take_rows(struct pl__trial_rules *rules, unsigned index, const struct pl_call *call) {
    struct pl__trial_rule *grown = pl_realloc(rules->list, (rules->count + call->row_count + 1) * sizeof *grown);
    struct pl_unpack unpack;
    if (!grown) return false;
    rules->list = grown;
    pl_unpack_init(&unpack, pl_pack_data(call->rows), pl_pack_size(call->rows));
    for (uint32_t row = 0; row < call->row_count; row++) {
        struct pl__trial_rule *rule = &rules->list[rules->count++];
        uint32_t pairs = 0;
        *rule = (struct pl__trial_rule){.node = index};
        bool good = pl_unpack_map(&unpack, &pairs);
        for (uint32_t i = 0; good && i < pairs; i++)
            good = take_pair(&unpack, rule);
        if (!good || !rule->name || !rule->place || !rule->on) return false;
    }
    return true;
}

enum pl_code pl__trial_rules_take(struct pl__trial_rules *rules, unsigned index, struct pl_node *node,
                                  struct pl_error **error) {
    const struct pl_command *list = list_command(node->config.op);
    if (!list) return PL_OK;
    struct pl_call *call = pl_call_new();
    if (!call) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    call->run = pl_call_run_command;
    call->command = list;
    call->role = PL_ROLE_ADMIN;
    pl_call_carry_out(call, node);
    bool good = !call->code && take_rows(rules, index, call);
    pl_call_free(call);
    return good ? PL_OK : pl_error_set(error, PL_UNAVAILABLE, "node %s does not tell its rules", node->config.name);
}

void pl__trial_rules_fini(struct pl__trial_rules *rules) {
    for (unsigned i = 0; i < rules->count; i++) {
        pl_free(rules->list[i].name);
        pl_free(rules->list[i].place);
        pl_free(rules->list[i].on);
    }
    pl_free(rules->list);
    *rules = (struct pl__trial_rules){0};
}
