/* rule.h: one rule of a Lua file, as it was read: what it looks at, when it holds, what it says.
 *
 *     a row --> inputs (numbers of the row) --+
 *               params (what people set)    --+--> when / clear: a Lua function, or an expression --> true or false
 *               memory (kept for each tag)  --+
 *
 * A function's own parameter names say what it is given; an expression's names likewise.
 */
#ifndef POTLINE_RULES_RULE_H
#define POTLINE_RULES_RULE_H

#include <potline/diag.h>
#include <potline/expr.h>
#include <potline/kind.h>
#include <potline/option.h>

#include "mistake.h"
#include "sandbox.h"

enum {
    RULE_NAME_MAX = 63,
    RULE_PARTS_MAX = 8,  /* inputs, params, numbers of memory, signals, fields: each */
    RULE_ARGS_MAX = 32,  /* of one function or expression */
    RULE_GLOBS_MAX = 32, /* of `tags` */
    RULE_PIECES_MAX = 33,
    RULES_A_FILE = 256,
    RULES_MAX = 1024,
    RULE_TEXTS = 1024 /* names a sandbox has as texts at a time */
};

/* Where a rule's sandbox has what calls need, on its stack. */
enum { RULE_AT_WHEN = 1, RULE_AT_CLEAR, RULE_AT_TEXTS, RULE_AT_GOOD, RULE_AT_UNCERTAIN, RULE_AT_BAD };

enum arg_kind { ARG_INPUT, ARG_PARAM, ARG_MEMORY, ARG_TAG, ARG_ASSET, ARG_QUALITY, ARG_NAME, ARG_CONSTANT };

struct arg {
    uint8_t kind;
    uint8_t index; /* of input, param, memory; the column of ARG_NAME; the value of ARG_CONSTANT */
};

enum input_kind { INPUT_F64, INPUT_U32, INPUT_U16, INPUT_SECONDS, INPUT_DT, INPUT_SIGNAL, INPUT_FIELD };

struct input {
    const char *name;
    uint8_t kind;
    uint8_t index; /* of a column, signal or field */
};

struct param {
    const char *name;
    const char *unit;
    const char *doc;
    double value; /* in force */
    double fallback, low, high;
    enum { PARAM_RULE, PARAM_GRAPH, PARAM_SET } from;
};

/* `when` or `clear`: neither function nor expression when it is not given. */
struct condition {
    int function; /* its place on the sandbox's stack; 0: none */
    struct pl_expr *expr;
    struct arg arg[RULE_ARGS_MAX];
    uint32_t args;
    uint8_t returned[RULE_PARTS_MAX]; /* which numbers of memory follow the condition */
    uint32_t returns;
};

/* A piece of the message: a text, then a value unless `value` is NULL. */
struct piece {
    const char *text;
    const char *value;
    struct arg arg;
    int decimals; /* -1: six significant digits */
};

struct rule_text {
    struct rule_text *next;
    char text[];
};

struct rule {
    char name[RULE_NAME_MAX + 1];
    const char *doc;
    const char *file;
    int line;
    enum pl_kind on;
    const char *glob[RULE_GLOBS_MAX];
    uint32_t globs;
    struct param param[RULE_PARTS_MAX];
    const char *memory[RULE_PARTS_MAX];
    double initial[RULE_PARTS_MAX];
    const char *signal[RULE_PARTS_MAX]; /* of the same asset */
    const char *field[RULE_PARTS_MAX];  /* numbers of an event's body */
    uint32_t params, memories, signals, fields;
    pl_time fresh; /* how old a signal may be; 0: any age */
    struct input input[RULE_PARTS_MAX];
    uint32_t inputs;
    struct condition when, clear;
    pl_time hold, release;
    bool each;
    bool any_quality;
    uint16_t severity;
    struct piece piece[RULE_PIECES_MAX];
    uint32_t pieces;
    bool keeps;    /* has a record for every tag from its first row */
    bool columnar; /* `when` is an expression of columns and params alone */

    int64_t key; /* what its state is kept under */
    uint32_t memory_layout, input_layout;
    uint64_t source; /* hash of the file */

    struct sandbox *sandbox;      /* its own; NULL for a rule of expressions */
    uint32_t text_of[RULE_TEXTS]; /* the name whose text is in that place of the table at RULE_AT_TEXTS */
    struct rule_text *texts;

    /* How it fares. */
    bool off;      /* a person has switched it off */
    bool disabled; /* it has failed too often */
    uint32_t strikes;
    int64_t credit; /* instructions it may still take beyond its long-run share */
    uint64_t evaluated, raised, cleared, errors;
    uint64_t timed, timed_ns;
    char error[256];
    bool told_anew;                    /* that what was kept of its memory did not fit */
    struct pl_diag_site told_disabled; /* one of its own: the line must not go under in those of its failures */

    /* The batch at hand, for a columnar rule. */
    double *result;
    uint32_t result_room, result_next;
};

/* The text of a file, and what has been found wrong with it. */
struct source {
    const char *path;
    struct mistakes mistakes; /* ended by the caller */
};

/* Every rule of a Lua file, or one of them (`only`, -1: all) with its sandbox. Rules are appended to rule[*count]. On
 * failure there are mistakes in the source, unless memory was missing. */
bool rule_load(struct source *source, int only, int64_t memory, struct rule **rule, uint32_t *count);
void rule_free(struct rule *rule); /* NULL is fine */

int rule_param(const struct rule *rule, const char *name); /* -1: none */

/* parse.c: the function `rule` of a Lua file; the loader is the sandbox's owner. */
struct loader {
    struct sandbox *sandbox;
    struct source *source;
    int only;
    int seen;
    struct spot spot; /* what is being read */
    struct rule *rule[RULES_A_FILE];
    uint32_t count;
};
int rule__declare(lua_State *lua);

/* What is read next: the rule itself, or a key of it (NULL: none). */
struct spot *rule__look(lua_State *lua, const struct rule *rule, const char *key);
/* A mistake at what is being read; goes on. */
void rule__note(lua_State *lua, const char *format, ...);
/* The same, and ends this part of the rule; does not return, which the header of Lua does not say. */
#define rule__refuse(lua, ...) (luaL_error((lua), __VA_ARGS__), __builtin_unreachable())

/* bind.c: from names to what they mean; raise a Lua error for what nothing is called. */
void rule__bind_function(lua_State *lua, struct rule *rule, struct condition *condition, const char *what);
void rule__bind_expression(lua_State *lua, struct rule *rule, struct condition *condition, const char *what,
                           const char *text);
void rule__bind_message(lua_State *lua, struct rule *rule, const char *text);
const char *rule__keep(lua_State *lua, struct rule *rule, const char *text, size_t length);
bool rule__is_column(enum pl_kind kind, const char *name);

#endif
