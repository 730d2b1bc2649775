/* node.h: an instance of the operator `rules`: its options, its rules, and what it keeps.
 *
 *     rules.c     the descriptor, options, life cycle, batches, timers, watermarks
 *     set.c       the rules of all files; which of them concern a tag
 *     eval.c      a row for a rule: numbers, call, true or false
 *     state.c     what follows from true and false: raised, cleared, with hold and release
 *     tell.c      events
 *     decide.c    what people decide, and that it stays
 *     command.c   what people may do
 *     carry.c     what a rule remembers, when its file names other variables
 *     watch.c     reading files again when they change
 */
#ifndef POTLINE_RULES_NODE_H
#define POTLINE_RULES_NODE_H

#include <potline/potline.h>

#include "rule.h"

enum { TABLE_STATES, TABLE_SIGNALS, TABLE_STANDINGS, TABLE_DECISIONS };
enum {
    COUNT_EVALUATED,
    COUNT_RAISED,
    COUNT_CLEARED,
    COUNT_MATCHED,
    COUNT_ERRORS,
    COUNT_DISABLED,
    COUNT_IGNORED,
    COUNT_REFUSED,
    COUNTS
};

enum phase { PHASE_IDLE, PHASE_PENDING, PHASE_RAISED, PHASE_RELEASING };

/* By tag and rule. */
struct state {
    pl_time since; /* pending: true since then; releasing: over since then */
    pl_time last;  /* newest row */
    double memory[RULE_PARTS_MAX];
    double input[RULE_PARTS_MAX]; /* of the newest row */
    uint32_t memory_layout, input_layout;
    uint8_t phase;
    uint8_t begun;
    uint8_t reserved[6];
};

struct signal {
    pl_time time;
    double value;
};

/* By rule: how it fares, so that a restored run goes on the same way. */
struct standing {
    uint64_t source;
    int64_t credit;
    uint32_t strikes;
    uint32_t unused;
    uint8_t disabled;
    uint8_t reserved[7];
    char name[RULE_NAME_MAX + 1]; /* so that what a rule that is gone has raised can be cleared */
};

/* By rule and parameter, "" for whether it is off. */
struct decision {
    double value;
    char rule[RULE_NAME_MAX + 1], param[RULE_NAME_MAX + 1];
};

struct override {
    const char *rule;
    const char *param;
    double value;
};

struct ruleset {
    struct rule *rule[RULES_MAX];
    uint32_t count;
    uint64_t files; /* a hash of what was read */
};

/* What concerns one tag: `count` entries of the pool from `first`. */
struct subject {
    uint32_t first;
    uint32_t count;
    uint8_t known;
    uint8_t signal; /* some rule reads it as a signal of its asset */
};

struct concern {
    uint32_t rule;
    uint32_t signals; /* ids of the rule's signals for this tag, from there in the list of ids */
};

struct subjects {
    struct subject *of; /* [tag] */
    uint32_t of_room;
    struct concern *pool;
    uint32_t pool_count, pool_room;
    uint32_t *ids;
    uint32_t id_count, id_room;
};

struct rules {
    struct pl_strings scripts;
    struct pl_list params;
    int64_t memory;
    int64_t budget;
    int64_t strikes;
    uint32_t quality;
    bool watch;

    struct ruleset *set;
    struct subjects subjects;
    struct watch *watcher;
    bool attached;   /* standings have been looked at */
    uint64_t unkept; /* the epoch of what was decided last, while it is only in the state; 0: it is kept */
    bool sweep;      /* states of rules that are gone are to be cleared */
    struct pl_batch *out;
    struct pl_pack *body;
    double *scratch; /* columns gathered for an expression */
    uint32_t scratch_rows;
    uint64_t counted[COUNTS];
};

/* A row at hand. */
struct row {
    struct rules *rules;
    struct pl_node *node;
    const struct pl_batch *batch;
    uint32_t index;
    uint32_t tag;
    pl_time time;
    uint16_t quality;
};

/* ---- set.c ---- */

/* One problem with script `script`; a place without a line is a whole file, one without a file none of them. */
typedef void rules_problem(void *user, uint32_t script, struct pl_place place, const char *text);
/* The first one, as the error that a `struct pl_error **` user points to. */
rules_problem rules__keep_problem;

/* NULL after at least one problem has been told, or without memory (told too). With `whole` false only checked: the
 * rules have no sandboxes. */
struct ruleset *rules__load(const struct rules *rules, bool whole, rules_problem *problem, void *user);
uint64_t rules__files(const struct rules *rules); /* the same hash of the files as they are now */
enum { RULES_COUNT_TEXT = 32 };
void rules__count_text(const struct ruleset *set, char text[RULES_COUNT_TEXT]); /* "1 rule", "2 rules" */
void rules__unload(struct ruleset *set);                                        /* NULL is fine */
struct rule *rules__named(const struct ruleset *set, const char *name);
struct rule *rules__keyed(const struct ruleset *set, int64_t key);

/* Rows say which scripts made them, by a hash of their texts (pl_node_model). */
void rules__say_files(const struct rules *rules, struct pl_node *node);

void rules__attach(struct rules *rules, struct pl_node *node); /* to what the state says, once it is there */
void rules__keep_standing(struct pl_node *node, const struct rule *rule);

/* Reads the files again; the rules at hand stay when something is wrong with the new ones. */
enum pl_code rules__reload(struct rules *rules, struct pl_node *node, struct pl_error **error);

/* ---- decide.c ---- */

/* Graph values and what people have decided, onto the rules; and what of that is in the state. */
enum pl_code rules__apply_values(struct rules *rules, struct ruleset *set, struct pl_node *node,
                                 struct pl_error **error);
void rules__take_decisions(struct rules *rules, const struct ruleset *set, struct pl_node *node);

/* A parameter's value, or of "" whether the rule is off. */
enum pl_code rules__decide(struct rules *rules, struct pl_node *node, const struct rule *rule, const char *param,
                           double value, struct pl_error **error);
void rules__commit(void *self, struct pl_node *node, uint64_t epoch);

/* ---- set.c: which rules concern a tag ---- */

void rules__forget_subjects(struct subjects *subjects);
bool rules__prepare_subjects(struct rules *rules, struct pl_node *node);  /* false without memory */
bool rules__ask(struct rules *rules, struct pl_node *node, uint32_t tag); /* false without memory */

/* ---- eval.c ---- */

enum outcome { OUTCOME_FALSE, OUTCOME_TRUE, OUTCOME_NONE /* not evaluated, or it failed */ };

/* The row's numbers; false when one is missing that must be there. */
bool rules__inputs(const struct row *row, const struct rule *rule, const struct concern *concern, pl_time previous,
                   double *input);
enum outcome rules__call(const struct row *row, struct rule *rule, const struct condition *condition,
                         const double *input, double *memory);
bool rules__evaluate_columns(struct rules *rules, const struct pl_batch *batch); /* false without memory */

/* ---- state.c: false without memory for events ---- */

bool rules__apply(const struct row *row, struct rule *rule, const struct concern *concern);
bool rules__pass_time(struct rules *rules, struct pl_node *node, struct rule *rule, uint32_t tag, struct state *state,
                      pl_time time);
pl_time rules__due(const struct rule *rule, const struct state *state);

/* ---- tell.c ---- */

enum telling { TELL_RAISED, TELL_CLEARED, TELL_MATCHED };
bool rules__tell(struct rules *rules, struct pl_node *node, const struct rule *rule, uint32_t tag, enum telling kind,
                 pl_time time, const double *input, const double *memory, const char *reason);
bool rules__tell_disabled(const struct row *row, const struct rule *rule);
bool rules__flush(struct rules *rules, struct pl_node *node);
bool rules__clear_all(struct rules *rules, struct pl_node *node, const struct rule *only, const char *reason);

/* ---- carry.c ---- */

/* From a rule to itself, read again. */
void rules__carry_memory(struct pl_node *node, const struct rule *from, const struct rule *to);

/* ---- command.c, watch.c ---- */

extern const struct pl_command rules__commands[];

struct watch *rules__watch_new(struct rules *rules, struct pl_node *node, struct pl_error **error);
void rules__watch_free(struct watch *watch); /* NULL is fine */

#endif
