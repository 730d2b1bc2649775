/* args.c: parses arguments by the rows of a subcommand. */
#include "args.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

static const struct pl_cli_option no_options[] = {{.name = NULL}};

static const struct pl_cli_option *options_of(const struct pl_subcommand *command) {
    return command->options ? command->options : no_options;
}

static int option_index(const struct pl_cli *cli, const char *name, size_t length) {
    const struct pl_cli_option *options = options_of(cli->command);
    for (int i = 0; options[i].name; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0) return i;
    return -1;
}

static size_t option_count(const struct pl_subcommand *command) {
    size_t count = 0;
    while (options_of(command)[count].name)
        count++;
    return count;
}

static int letter_index(const struct pl_cli *cli, char letter) {
    const struct pl_cli_option *options = options_of(cli->command);
    for (int i = 0; options[i].name; i++)
        if (options[i].letter == letter) return i;
    return -1;
}

static int out_of_memory(void) {
    fputs("potline: out of memory\n", stderr);
    return PL_EXIT_FAILED;
}

/* ---- Help ---- */

static void help_row(FILE *out, const struct pl_cli_option *option) {
    char written[64];
    snprintf(written, sizeof written, "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
             option->value ? " " : "", option->value ? option->value : "");
    fprintf(out, "  %-28s %s\n", written, option->doc);
}

void pl__cli_help(const struct pl_subcommand *command, FILE *out) {
    const struct pl_cli_option *options = options_of(command);
    fprintf(out, "usage: potline %s%s%s%s\n\n%s\n", command->name, options[0].name ? " [OPTION]..." : "",
            command->operands[0] ? " " : "", command->operands, command->summary);
    if (command->doc) fprintf(out, "\n%s\n", command->doc);
    fputs("\noptions:\n", out);
    for (int i = 0; options[i].name; i++)
        help_row(out, &options[i]);
    help_row(out, &(struct pl_cli_option){.name = "help", .letter = 'h', .doc = "Show this."});
}

int pl_cli_usage(const struct pl_cli *cli, const char *format, ...) {
    fprintf(stderr, "potline %s: ", cli->command->name);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see potline %s --help\n", cli->command->name);
    return PL_EXIT_USAGE;
}

/* ---- Parsing ---- */

static int unknown_option(const struct pl_cli *cli, const char *name, size_t length) {
    size_t count = option_count(cli->command);
    const char **names = pl_alloc((count + 1) * sizeof *names);
    if (!names) return out_of_memory();
    for (size_t i = 0; i < count; i++)
        names[i] = options_of(cli->command)[i].name;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%.*s", (int)length, name);
    const char *nearest = pl_text_nearest(wanted, names, count);
    pl_free(names);
    return nearest ? pl_cli_usage(cli, "there is no option --%s; did you mean --%s?", wanted, nearest)
                   : pl_cli_usage(cli, "there is no option --%s", wanted);
}

static bool add_value(struct pl_cli *cli, int index, const char *value) {
    const char **values = cli->values[index];
    size_t count = 0;
    while (values && values[count])
        count++;
    values = pl_realloc(values, (count + 2) * sizeof *values);
    if (!values) return false;
    values[count] = value;
    values[count + 1] = NULL;
    cli->values[index] = values;
    return true;
}

/* One option, at argv[*at]; moves *at behind a value that stands by itself. */
static int parse_option(struct pl_cli *cli, char **argv, int argc, int *at) {
    const char *text = argv[*at];
    bool is_long = text[1] == '-';
    const char *name = is_long ? text + 2 : text + 1;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    int index = is_long ? option_index(cli, name, length) : length == 1 ? letter_index(cli, *name) : -1;
    if (index < 0 && is_long) return unknown_option(cli, name, length);
    if (index < 0) return pl_cli_usage(cli, "there is no option %s", text);

    const struct pl_cli_option *option = &options_of(cli->command)[index];
    const char *value = "";
    if (!option->value && equals) return pl_cli_usage(cli, "--%s takes no value", option->name);
    if (option->value) {
        if (!equals && *at + 1 >= argc) return pl_cli_usage(cli, "--%s needs a value: %s", option->name, option->value);
        value = equals ? equals + 1 : argv[++*at];
    }
    return add_value(cli, index, value) ? PL_EXIT_OK : out_of_memory();
}

static int check_operands(const struct pl_cli *cli) {
    if (cli->operand_count < cli->command->least) return pl_cli_usage(cli, "%s is missing", cli->command->operands);
    if (cli->operand_count > cli->command->most)
        return pl_cli_usage(cli, "\"%s\" is one argument too many", cli->operands[cli->command->most]);
    return PL_EXIT_OK;
}

static bool is_option(const char *text) {
    return text[0] == '-' && text[1] != 0; /* "-" by itself is an operand: standard input */
}

bool pl__cli_parse(struct pl_cli *cli, const struct pl_subcommand *command, int argc, char **argv, int *exit_code) {
    *cli = (struct pl_cli){.command = command};
    cli->operands = pl_alloc(((size_t)argc + 1) * sizeof *cli->operands);
    cli->values = pl_alloc((option_count(command) + 1) * sizeof *cli->values);
    *exit_code = cli->operands && cli->values ? PL_EXIT_OK : out_of_memory();
    bool options_end = false;
    for (int i = 0; i < argc && *exit_code == PL_EXIT_OK; i++) {
        if (options_end || !is_option(argv[i])) {
            cli->operands[cli->operand_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            pl__cli_help(command, stdout);
            return false;
        } else {
            *exit_code = parse_option(cli, argv, argc, &i);
        }
    }
    if (*exit_code == PL_EXIT_OK) *exit_code = check_operands(cli);
    return *exit_code == PL_EXIT_OK;
}

void pl__cli_fini(struct pl_cli *cli) {
    pl_free(cli->operands);
    for (size_t i = 0; cli->values && i < option_count(cli->command); i++)
        pl_free(cli->values[i]);
    pl_free(cli->values);
    *cli = (struct pl_cli){.command = cli->command};
}

/* ---- What a subcommand asks ---- */

const char *const *pl_cli_all(const struct pl_cli *cli, const char *option) {
    static const char *const none[] = {NULL};
    int index = option_index(cli, option, strlen(option));
    return index >= 0 && cli->values[index] ? cli->values[index] : none;
}

const char *pl_cli_get(const struct pl_cli *cli, const char *option) {
    const char *last = NULL;
    for (const char *const *value = pl_cli_all(cli, option); *value; value++)
        last = *value;
    return last;
}

bool pl_cli_has(const struct pl_cli *cli, const char *option) {
    return pl_cli_get(cli, option) != NULL;
}

int pl_cli_count(const struct pl_cli *cli) {
    return cli->operand_count;
}

const char *pl_cli_operand(const struct pl_cli *cli, int index) {
    return index < cli->operand_count ? cli->operands[index] : NULL;
}

bool pl_cli_time(const struct pl_cli *cli, const char *option, pl_time *time) {
    const char *text = pl_cli_get(cli, option);
    if (!text || pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no time; write 2026-11-23T06:00:00Z, or nanoseconds since 1970", option, text);
    return false;
}

int pl_cli_choice(const struct pl_cli *cli, const char *option, const char *value, const char *const *choices) {
    char all[256] = "";
    size_t count = 0;
    for (; choices[count]; count++) {
        if (strcmp(choices[count], value) == 0) return (int)count;
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", choices[count]);
    }
    const char *nearest = pl_text_nearest(value, choices, count);
    const char *dashes = isupper((unsigned char)option[0]) ? "" : "--"; /* an operand is written in capitals */
    if (nearest)
        pl_cli_usage(cli, "%s%s: \"%s\" is not one of %s; did you mean %s?", dashes, option, value, all, nearest);
    else
        pl_cli_usage(cli, "%s%s: \"%s\" is not one of %s", dashes, option, value, all);
    return -1;
}

enum { VERBS_MAX = 16 };

/* "a, b and c" */
static void put_names(char *text, size_t size, const char *const *names, size_t count) {
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", !i ? "" : i + 1 < count ? ", " : " and ", names[i]);
}

int pl_cli_verb(const struct pl_cli *cli, const void *verbs, size_t size) {
    const char *names[VERBS_MAX], *wanted = pl_cli_operand(cli, 0);
    char all[256] = "";
    size_t count = 0;
    if (pl_cli_count(cli) == 0) return 0;
    for (const char *at = verbs; count < VERBS_MAX && (names[count] = *(const char *const *)(const void *)at);
         at += size) {
        if (strcmp(wanted, names[count]) == 0) return (int)count;
        count++;
    }
    put_names(all, sizeof all, names, count);
    const char *nearest = pl_text_nearest(wanted, names, count);
    pl_cli_usage(cli, "there is no \"%s\" of %s; %s%s%s", wanted, cli->command->name,
                 nearest     ? "did you mean "
                 : count > 1 ? "there are "
                             : "there is ",
                 nearest ? nearest : all, nearest ? "?" : "");
    return -1;
}
