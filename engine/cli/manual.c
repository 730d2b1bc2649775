/* manual.c: `potline manual`: pages of the manual in man(7), so that what `man` says is what --help says. */
#include "manual.h"

#include <ctype.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/roff.h"
#include "control/command.h"
#include "graph/options.h"
#include "graph/registry.h"

static const char environment[] =
    ".TP\n.B POTLINE_PLUGIN_PATH\nFolders with further plugins, between colons.\n"
    ".TP\n.B POTLINE_KEY_FILE\nThe key of a data folder, where \\fB\\-\\-key\\-file\\fR does not name one.\n"
    ".TP\n.B POTLINE_SHARE\nWhere the rule library is; graph files name it.\n"
    ".TP\n.B XDG_STATE_HOME\nWhere data folders are that have not been named: \\fIpotline/NAME\\fR.\n";

static const char exit_codes[] = ".SH EXIT STATUS\n"
                                 ".TP\n.B 0\nGood.\n"
                                 ".TP\n.B 1\nFailed at run time.\n"
                                 ".TP\n.B 2\nBad input or usage.\n";

/* "GRAPH..." and "list|add NAME": what is to be replaced in italics, what is to be typed in bold. */
static void put_operands(FILE *out, const char *text) {
    while (*text) {
        size_t length = 0;
        while (isalnum((unsigned char)text[length]) || text[length] == '-')
            length++;
        if (length) {
            fprintf(out, "%s%.*s\\fR", islower((unsigned char)*text) ? "\\fB" : "\\fI", (int)length, text);
            text += length;
        } else {
            putc(*text++, out);
        }
    }
}

static void put_head(FILE *out, const char *name, const char *summary) {
    char page[64];
    snprintf(page, sizeof page, "potline%s%s", name ? "-" : "", name ? name : "");
    pl_roff_head(out, page, 1, summary);
}

static void put_name(FILE *out, const char *name) {
    fputs("\\fB\\-\\-", out);
    for (; *name; name++)
        *name == '-' ? fputs("\\-", out) : putc(*name, out);
    fputs("\\fR", out);
}

static void put_option(FILE *out, const struct pl_cli_option *option) {
    fputs(".TP\n", out);
    if (option->letter) fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    put_name(out, option->name);
    if (option->value) fprintf(out, " \\fI%s\\fR", option->value);
    putc('\n', out);
    pl_roff_text(out, option->doc);
}

/* ---- The commands of a running engine, which a shell gives ---- */

static void put_engine_command(FILE *out, const struct pl_command *command) {
    fprintf(out, ".SS %s\n", command->name);
    pl_roff_text(out, command->doc);
    for (const struct pl_option *row = command->args; row && row->name; row++) {
        char text[512];
        fputs(".TP\n", out);
        if (row->fallback) {
            put_name(out, row->name);
            if (row->type != PL_TYPE_BOOL) fprintf(out, " \\fI%s\\fR", pl__option_kind(row->type)->name);
        } else {
            fprintf(out, "\\fI%s\\fR", row->name);
        }
        bool shown = row->fallback && row->type != PL_TYPE_BOOL && *row->fallback && strcmp(row->fallback, "[]") != 0;
        snprintf(text, sizeof text, "%s%s%s%s", row->doc ? row->doc : "", shown ? " Default: " : "",
                 shown ? row->fallback : "", shown ? "." : "");
        putc('\n', out);
        pl_roff_text(out, text);
    }
}

/* Those of the engine, and of every operator that is there. */
static void put_engine_commands(FILE *out) {
    unsigned count = pl_registry_count();
    struct pl_graph_node *nodes = pl_alloc((count + 1) * sizeof *nodes);
    struct pl_graph all = {.nodes = nodes, .node_count = nodes ? count : 0};
    struct pl_command_table table = {0};
    for (unsigned i = 0; nodes && i < count; i++)
        nodes[i].op = pl_registry_get(i);
    fputs(".SH COMMANDS\n", out);
    pl_roff_text(out,
                 "What a running engine understands, typed in the shell or given by -c; `help` lists those that its "
                 "graph and the user's role have. Every one of them takes --reason TEXT, for the audit.");
    if (nodes && pl_commands_init(&table, &all))
        for (unsigned i = 0; i < table.count; i++)
            put_engine_command(out, table.entries[i].spec);
    pl_commands_fini(&table);
    pl_free(nodes);
}

void pl__manual_command(const struct pl_subcommand *command, FILE *out) {
    put_head(out, command->name, command->summary);
    fprintf(out, ".SH SYNOPSIS\n\\fBpotline %s\\fR [\\fIOPTION\\fR]...", command->name);
    if (command->operands[0]) putc(' ', out), put_operands(out, command->operands);
    fputs("\n.SH DESCRIPTION\n", out);
    pl_roff_text(out, command->summary);
    if (command->doc) pl_roff_paragraphs(out, command->doc);
    fputs(".SH OPTIONS\n", out);
    for (const struct pl_cli_option *o = command->options; o && o->name; o++)
        put_option(out, o);
    put_option(out, &(struct pl_cli_option){.name = "help", .letter = 'h', .doc = "Show this in short."});
    bool shell = strcmp(command->name, "shell") == 0;
    if (shell) put_engine_commands(out);
    fputs(exit_codes, out);
    fprintf(out, ".SH SEE ALSO\n.BR potline (1)%s\n", shell ? "" : ",\n.BR potline\\-shell (1)");
}

void pl__manual_overview(const struct pl_subcommand *const *commands, unsigned count, FILE *out) {
    put_head(out, NULL, "Run dataflow graphs on the sensor data of process plants.");
    fputs(
        ".SH SYNOPSIS\n\\fBpotline\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n.SH DESCRIPTION\n"
        "A graph file wires operators together; the engine takes live sensor data from the field through cleansing,\n"
        "windows and alarms to the lake, to files and to subscribers. What it has accepted is in a durable log before\n"
        "anything is done with it.\n.SH COMMANDS\n",
        out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, ".TP\n.BR potline\\-%s (1)\n", commands[i]->name);
        pl_roff_text(out, commands[i]->summary);
    }
    fprintf(out, ".SH ENVIRONMENT\n%s%s.SH SEE ALSO\n", environment, exit_codes);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, ".BR potline\\-%s (1)%s\n", commands[i]->name, i + 1 < count ? "," : "");
}

static int print_manual(const struct pl_cli *cli) {
    const char *name = pl_cli_operand(cli, 0);
    if (!name) {
        pl__manual_overview(cli->all, cli->all_count, stdout);
        return PL_EXIT_OK;
    }
    for (unsigned i = 0; i < cli->all_count; i++)
        if (strcmp(cli->all[i]->name, name) == 0) {
            pl__manual_command(cli->all[i], stdout);
            return PL_EXIT_OK;
        }
    return pl_cli_usage(cli, "there is no command \"%s\"", name);
}

const struct pl_subcommand pl_subcommand_manual = {
    .name = "manual",
    .operands = "[COMMAND]",
    .least = 0,
    .most = 1,
    .summary = "Print a page of the manual.",
    .doc =
        "As man(7) has it: `potline manual run | man -l -`. Installed, they are potline(1), potline-run(1) and so on.\n"
        "Pages of operators, like potline-cleanse(7), are made by `potline inspect OPERATOR --man`.",
    .run = print_manual,
};
