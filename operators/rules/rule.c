#include "rule.h"

#include <lauxlib.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"

static uint32_t layout_of(const char *const *names, uint32_t count) {
    uint64_t hash = HASH_START;
    for (uint32_t i = 0; i < count; i++)
        hash = hash_text(hash, names[i]);
    return (uint32_t)(hash ^ (hash >> 32));
}

static bool reads_columns(const struct rule *rule) {
    for (uint32_t i = 0; i < rule->inputs; i++)
        if (rule->input[i].kind >= INPUT_DT) return false;
    return true;
}

static bool has_input(const struct rule *rule, enum input_kind kind) {
    for (uint32_t i = 0; i < rule->inputs; i++)
        if (rule->input[i].kind == kind) return true;
    return false;
}

/* What follows from what was read. */
static void settle(struct rule *rule, uint64_t source) {
    const char *names[RULE_PARTS_MAX];
    for (uint32_t i = 0; i < rule->inputs; i++)
        names[i] = rule->input[i].name;
    rule->source = source;
    rule->key = (int64_t)hash_end(hash_text(HASH_START, rule->name));
    rule->memory_layout = layout_of(rule->memory, rule->memories);
    rule->input_layout = layout_of(names, rule->inputs);
    rule->keeps = rule->memories > 0 || has_input(rule, INPUT_DT);
    rule->columnar = rule->when.expr && reads_columns(rule);
}

static int fetch_functions(lua_State *lua) {
    struct rule *rule = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &rule->when);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &rule->clear);
    lua_createtable(lua, RULE_TEXTS, 0);
    lua_pushliteral(lua, "good");
    lua_pushliteral(lua, "uncertain");
    lua_pushliteral(lua, "bad");
    luaL_checkstack(lua, RULE_ARGS_MAX + LUA_MINSTACK, NULL);
    return 6;
}

/* Puts what calls need where they find it; the rule then owns its sandbox. */
static bool settle_sandbox(struct rule *rule, struct sandbox *sandbox) {
    lua_settop(sandbox->lua, 0);
    sandbox->owner = NULL;
    if (!lua_checkstack(sandbox->lua, RULE_ARGS_MAX + LUA_MINSTACK)) return false;
    if (!sandbox_protect(sandbox, fetch_functions, rule, 6)) return false;
    if (rule->when.function) rule->when.function = RULE_AT_WHEN;
    if (rule->clear.function) rule->clear.function = RULE_AT_CLEAR;
    return true;
}

static void give_up(struct loader *loader) {
    for (uint32_t i = 0; i < loader->count; i++)
        rule_free(loader->rule[i]);
    loader->count = 0;
}

static bool run(struct loader *loader) {
    struct mistakes *mistakes = &loader->source->mistakes;
    const char *slash = strrchr(loader->source->path, '/');
    char name[64];
    snprintf(name, sizeof name, "@%s", slash ? slash + 1 : loader->source->path);
    loader->sandbox->owner = loader;
    if (!sandbox_load(loader->sandbox, mistakes->text, mistakes->size, name, "rule", rule__declare))
        mistakes_add_said(mistakes, sandbox_message(loader->sandbox));
    return mistakes->count == 0;
}

bool rule_load(struct source *source, int only, int64_t memory, struct rule **rule, uint32_t *count) {
    struct loader *loader = PL_NEW(struct loader);
    struct sandbox *sandbox = loader ? sandbox_new(memory) : NULL;
    if (!sandbox) {
        pl_free(loader);
        return false;
    }
    loader->sandbox = sandbox;
    loader->source = source;
    loader->only = only;
    bool good = run(loader);
    if (!good) give_up(loader);
    for (uint32_t i = 0; i < loader->count; i++) {
        settle(loader->rule[i], hash_end(hash_bytes(HASH_START, source->mistakes.text, source->mistakes.size)));
        rule[(*count)++] = loader->rule[i];
    }
    bool kept = good && only >= 0 && loader->count == 1;
    if (kept && (loader->rule[0]->when.function || loader->rule[0]->clear.function)) {
        loader->rule[0]->sandbox = sandbox;
        good = settle_sandbox(loader->rule[0], sandbox);
    } else {
        sandbox_free(sandbox);
    }
    pl_free(loader);
    return good;
}

void rule_free(struct rule *rule) {
    if (!rule) return;
    sandbox_free(rule->sandbox);
    pl_expr_free(rule->when.expr);
    pl_expr_free(rule->clear.expr);
    while (rule->texts) {
        struct rule_text *next = rule->texts->next;
        pl_free(rule->texts);
        rule->texts = next;
    }
    pl_free(rule->result);
    pl_free(rule);
}
