/* cli.h: the subcommands of `potline`, each a row in the table of main.c and a file of its own.
 *
 *     const struct pl_subcommand pl_subcommand_check = {
 *         .name = "check", .operands = "GRAPH...", .least = 1, .most = PL_CLI_ANY,
 *         .summary = "Validate graph files.",
 *         .options = PL_CLI_OPTIONS({"json", NULL, "Print the problems as JSON.", 0}),
 *         .run = check,
 *     };
 *
 * main.c parses the arguments by that row, answers --help, and refuses what the row does not know ('did you mean'), so
 * `run` only sees arguments that fit. Every option can be written --name VALUE or --name=VALUE; "--" ends the options.
 *
 * Exit codes: 0 good, 1 failed at run time, 2 bad input or usage. Data goes to standard output, all else to standard
 * error.
 */
#ifndef POTLINE_CLI_H
#define POTLINE_CLI_H

#include <limits.h>
#include <stdbool.h>

#include "graph/graph.h"

enum { PL_EXIT_OK = 0, PL_EXIT_FAILED = 1, PL_EXIT_USAGE = 2 };
enum { PL_CLI_ANY = INT_MAX };

struct pl_cli_option {
    const char *name;  /* "data", written --data; ends the array when NULL */
    const char *value; /* what help calls its value: "DIR"; NULL: a switch */
    const char *doc;   /* one sentence; may be repeated when it says so */
    char letter;       /* also as -c; 0: none */
};

#define PL_CLI_OPTIONS(...) ((const struct pl_cli_option[]){__VA_ARGS__, {.name = NULL}})

struct pl_cli; /* the parsed arguments */

struct pl_subcommand {
    const char *name;
    const char *operands;                 /* as help shows them: "GRAPH...", "" for none */
    int least, most;                      /* how many operands */
    const char *summary;                  /* one line */
    const char *doc;                      /* more for --help, lines of at most 100 columns; may be NULL */
    const struct pl_cli_option *options;  /* may be NULL */
    int (*run)(const struct pl_cli *cli); /* the exit code */
    bool asks;                            /* only an engine: no operators are loaded for it */
};

/* Everything of these is borrowed from argv. */
const char *pl_cli_get(const struct pl_cli *cli, const char *option);        /* the last value given, or NULL */
bool pl_cli_has(const struct pl_cli *cli, const char *option);               /* a switch */
const char *const *pl_cli_all(const struct pl_cli *cli, const char *option); /* every value given; ends in NULL */
int pl_cli_count(const struct pl_cli *cli);                                  /* operands */
const char *pl_cli_operand(const struct pl_cli *cli, int index);

/* "potline NAME: MESSAGE" and a hint at --help on standard error; returns PL_EXIT_USAGE. */
int pl_cli_usage(const struct pl_cli *cli, const char *format, ...) PL_PRINTF(2, 3);

/* The index of a value among `choices` (ends in NULL), or -1 after saying what is allowed. */
int pl_cli_choice(const struct pl_cli *cli, const char *option, const char *value, const char *const *choices);

/* What a subcommand is to do: its first operand's index among `verbs`, structs (or texts) that begin with a name, the
 * last one's NULL; without an operand the first one. -1 after saying which there are, or which was probably meant. */
int pl_cli_verb(const struct pl_cli *cli, const void *verbs, size_t size);

/* A time that is given as RFC 3339 or as nanoseconds since 1970; left alone where it is not given. False after saying
 * that it is none. */
bool pl_cli_time(const struct pl_cli *cli, const char *option, pl_time *time);

/* Loads a graph for a command and prints its problems on standard error; NULL after errors, *exit_code says which. */
struct pl_graph *pl_cli_graph(const char *path, const struct pl_graph_options *options, int *exit_code);
void pl_cli_problems(FILE *out, const struct pl_problem *problems, unsigned count); /* a line each */

extern const struct pl_subcommand pl_subcommand_alarms;
extern const struct pl_subcommand pl_subcommand_audit;
extern const struct pl_subcommand pl_subcommand_backup;
extern const struct pl_subcommand pl_subcommand_check;
extern const struct pl_subcommand pl_subcommand_completion;
extern const struct pl_subcommand pl_subcommand_dead;
extern const struct pl_subcommand pl_subcommand_doctor;
extern const struct pl_subcommand pl_subcommand_explain;
extern const struct pl_subcommand pl_subcommand_export;
extern const struct pl_subcommand pl_subcommand_graph;
extern const struct pl_subcommand pl_subcommand_inspect;
extern const struct pl_subcommand pl_subcommand_keys;
extern const struct pl_subcommand pl_subcommand_ledger;
extern const struct pl_subcommand pl_subcommand_manual;
extern const struct pl_subcommand pl_subcommand_model;
extern const struct pl_subcommand pl_subcommand_new_operator;
extern const struct pl_subcommand pl_subcommand_optimize;
extern const struct pl_subcommand pl_subcommand_replay;
extern const struct pl_subcommand pl_subcommand_report;
extern const struct pl_subcommand pl_subcommand_restore;
extern const struct pl_subcommand pl_subcommand_run;
extern const struct pl_subcommand pl_subcommand_savepoint;
extern const struct pl_subcommand pl_subcommand_shell;
extern const struct pl_subcommand pl_subcommand_standby;
extern const struct pl_subcommand pl_subcommand_test;
extern const struct pl_subcommand pl_subcommand_train;
extern const struct pl_subcommand pl_subcommand_user;
extern const struct pl_subcommand pl_subcommand_version;
extern const struct pl_subcommand pl_subcommand_versions;
extern const struct pl_subcommand pl_subcommand_what_if;

#endif
