/* command.h: the command table: the one way to ask or change a running engine, whichever face a person uses.
 *
 * A row is a struct pl_command (potline/command.h) and what carries it out: for the engine's own commands a function on
 * the control thread, for those of operators a call into every node that has them. So all of them have the same
 * parsing, role check, audit and help.
 */
#ifndef POTLINE_CONTROL_COMMAND_H
#define POTLINE_CONTROL_COMMAND_H

#include <potline/command.h>

#include "graph/graph.h"

struct pl_request;

struct pl_control_command {
    struct pl_command spec; /* `run` is not used: */
    /* On the control thread. PL_OK: answered, with the rows of the reply; PL_BUSY after pl_request_later: it will be.
     */
    enum pl_code (*run)(struct pl_request *request, struct pl_error **error);
};

#define PL_CONTROL_COMMANDS_END                                                                                        \
    {                                                                                                                  \
        .spec = {.name = NULL }                                                                                        \
    }

extern const struct pl_control_command pl__commands_engine[]; /* help, status, drain, stop, ... */
extern const struct pl_control_command pl__commands_nodes[];  /* nodes, stats, options, set, pause, ... */
extern const struct pl_control_command pl__commands_people[]; /* login, users ..., audit */
extern const struct pl_control_command pl__commands_copies[]; /* backup, savepoint, copies */
extern const struct pl_control_command pl__commands_tap[];
extern const struct pl_control_command pl__commands_graph[];   /* graph apply, rollback, history, show */
extern const struct pl_control_command pl__commands_letters[]; /* dead ..., ledger */
extern const struct pl_control_command pl__commands_explain[];
extern const struct pl_control_command pl__commands_what_if[];

/* ---- All of them ---- */

struct pl_command_entry {
    const struct pl_command *spec;
    enum pl_code (*run)(struct pl_request *request, struct pl_error **error);
};

struct pl_command_table {
    struct pl_command_entry *entries; /* by name */
    unsigned count;
};

bool pl_commands_init(struct pl_command_table *table, const struct pl_graph *graph); /* false: no memory */
void pl_commands_fini(struct pl_command_table *table);

/* The command that the first words name, the longest one that fits ("alarms" alone is "alarms list"); *used says how
 * many words. PL_UNKNOWN says what was probably meant. */
enum pl_code pl_commands_find(const struct pl_command_table *table, const char *const *words, unsigned count,
                              const struct pl_command_entry **entry, unsigned *used, struct pl_error **error);

/* How many words `name` has, all of which the words begin with; 0: they do not. */
unsigned pl_command_words(const char *name, const char *const *words, unsigned count);

/* The words behind the name as pairs of name and text: --name value, --name=value, a switch by itself, and, in the
 * order of the table, arguments without a name (the last one takes all that are left when it is a list). *reason is
 * the text of --reason, which every command takes, or NULL. Pairs are borrowed from the words and `space`. */
enum { PL_WORDS_MAX = 64, PL_WORDS_BYTES_MAX = 16384 };
struct pl_command_space {
    struct pl_argument pairs[PL_WORDS_MAX];
    char text[PL_WORDS_BYTES_MAX + 2 * PL_WORDS_MAX];
};
enum pl_code pl_command_pairs(const struct pl_command *command, const char *const *words, unsigned count,
                              struct pl_command_space *space, unsigned *pairs, const char **reason,
                              struct pl_error **error);

#endif
