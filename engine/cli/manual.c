/* manual.c: `potline manual`: pages of the manual in man(7), so that what `man` says is what --help says. */
#include "manual.h"

#include <ctype.h>
#include <string.h>

/* Of the text around the tables: pages need one, and the same sources are to give the same pages. */
static const char date[] = "2026-11-26";

static const char environment[] =
    ".TP\n.B POTLINE_PLUGIN_PATH\nFolders with further plugins, between colons.\n"
    ".TP\n.B POTLINE_KEY_FILE\nThe key of a data folder, where \\fB\\-\\-key\\-file\\fR does not name one.\n"
    ".TP\n.B POTLINE_SHARE\nWhere the rule library is; graph files name it.\n"
    ".TP\n.B XDG_STATE_HOME\nWhere data folders are that have not been named: \\fIpotline/NAME\\fR.\n";

static const char exit_codes[] = ".SH EXIT STATUS\n"
                                 ".TP\n.B 0\nGood.\n"
                                 ".TP\n.B 1\nFailed at run time.\n"
                                 ".TP\n.B 2\nBad input or usage.\n";

/* ---- Text as roff has it: `code` becomes bold; no line begins with a control character ---- */

static void put_text(FILE *out, const char *text) {
    bool code = false, begin = true;
    for (; *text; text++) {
        if (begin && (*text == '.' || *text == '\'')) fputs("\\&", out);
        begin = *text == '\n';
        if (*text == '`') {
            code = !code;
            fputs(code ? "\\fB" : "\\fR", out);
        } else if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            putc(*text, out);
        }
    }
    if (code) fputs("\\fR", out);
    putc('\n', out);
}

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

static void put_upper(FILE *out, const char *text) {
    for (; *text; text++)
        putc(toupper((unsigned char)*text), out);
}

static void put_head(FILE *out, const char *name, const char *summary) {
    fputs(".\\\" Made by tools/generate from the tables of options: do not edit.\n.TH POTLINE", out);
    if (name) putc('-', out), put_upper(out, name);
    fprintf(out, " 1 %s \"potline %s\" \"Potline\"\n.SH NAME\npotline%s%s \\- ", date, POTLINE_VERSION,
            name ? "\\-" : "", name ? name : "");
    char line[256];
    snprintf(line, sizeof line, "%c%s", tolower((unsigned char)summary[0]), summary + 1);
    line[strcspn(line, "\n")] = 0;
    if (line[0] && line[strlen(line) - 1] == '.') line[strlen(line) - 1] = 0;
    put_text(out, line);
}

/* Paragraphs are parted by empty lines. */
static void put_doc(FILE *out, const char *doc) {
    while (*doc) {
        const char *end = strstr(doc, "\n\n");
        size_t length = end ? (size_t)(end - doc) : strlen(doc);
        char text[4096];
        snprintf(text, sizeof text, "%.*s", (int)length, doc);
        fputs(".PP\n", out);
        put_text(out, text);
        doc += length + strspn(doc + length, "\n");
    }
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
    put_text(out, option->doc);
}

void pl__manual_command(const struct pl_subcommand *command, FILE *out) {
    put_head(out, command->name, command->summary);
    fprintf(out, ".SH SYNOPSIS\n\\fBpotline %s\\fR [\\fIOPTION\\fR]...", command->name);
    if (command->operands[0]) putc(' ', out), put_operands(out, command->operands);
    fputs("\n.SH DESCRIPTION\n", out);
    put_text(out, command->summary);
    if (command->doc) put_doc(out, command->doc);
    fputs(".SH OPTIONS\n", out);
    for (const struct pl_cli_option *o = command->options; o && o->name; o++)
        put_option(out, o);
    put_option(out, &(struct pl_cli_option){.name = "help", .letter = 'h', .doc = "Show this in short."});
    fputs(exit_codes, out);
    fputs(".SH SEE ALSO\n.BR potline (1)\n", out);
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
        put_text(out, commands[i]->summary);
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
        "As man(7) has it: `potline manual run | man -l -`. Installed, they are potline(1), potline-run(1) and so on.",
    .run = print_manual,
};
