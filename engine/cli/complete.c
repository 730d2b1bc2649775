#include "complete.h"

#include <ctype.h>
#include <string.h>

#include "graph/registry.h"

struct line {
    const struct pl_subcommand *const *all;
    unsigned all_count;
    const struct pl_subcommand *command;
    const char *const *words;
    int count;
    const char *last;
    const char *graph;                /* --graph, else the first operand that has been typed; NULL: none */
    int operands;                     /* in front of the last word */
    const struct pl_cli_option *open; /* waits for its value, which is the last word */
    bool ended;                       /* by "--" */
    FILE *out;
};

/* "--name=" in front of a value that is one word with its option */
static void offer(const struct line *line, const char *before, const char *text, const char *doc) {
    size_t length = strlen(line->last);
    char whole[512];
    int size = snprintf(whole, sizeof whole, "%s%s", before, text);
    if (size >= (int)sizeof whole || strncmp(whole, line->last, length) != 0) return;
    fprintf(line->out, "%s%s%s\n", whole, doc ? "\t" : "", doc ? doc : "");
}

/* ---- Values ---- */

static struct pl_graph *load(const char *path) {
    struct pl_graph_options options = {.checking = true};
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    if (path) pl_graph_load(path, &options, &graph, &problems, &count);
    pl_problems_free(problems, count);
    return graph;
}

/* `behind`: "." where an option of the node follows. */
static void offer_nodes(const struct line *line, const char *before, const char *behind) {
    struct pl_graph *graph = load(line->graph);
    for (unsigned i = 0; graph && i < graph->node_count; i++) {
        char text[PL_NAME_MAX + 2];
        snprintf(text, sizeof text, "%s%s", graph->nodes[i].name, behind);
        offer(line, before, text, graph->nodes[i].op->name);
    }
    pl_graph_free(graph);
}

/* Of a group that stands there already, "clean.spike.", its own. */
static void offer_rows(const struct line *line, const char *before, const char *path, const struct pl_option *rows) {
    for (const struct pl_option *row = rows; row && row->name; row++) {
        char text[4 * PL_NAME_MAX], below[4 * PL_NAME_MAX];
        snprintf(text, sizeof text, "%s.%s=", path, row->name);
        int length = snprintf(below, sizeof below, "%s.%s.", path, row->name);
        const char *typed = line->last + strlen(before);
        bool inside = row->type == PL_TYPE_GROUP && strncmp(typed, below, (size_t)length) == 0;
        below[length - 1] = 0;
        if (inside)
            offer_rows(line, before, below, row->rows);
        else
            offer(line, before, text, row->doc);
    }
}

/* "clean.spike.k=": the options of a node whose name stands there already; else the names. */
static void offer_settings(const struct line *line, const char *before) {
    const char *typed = line->last + strlen(before), *dot = strchr(typed, '.');
    if (!dot) {
        offer_nodes(line, before, ".");
        return;
    }
    struct pl_graph *graph = load(line->graph);
    for (unsigned i = 0; graph && i < graph->node_count; i++) {
        const struct pl_graph_node *node = &graph->nodes[i];
        if (strlen(node->name) != (size_t)(dot - typed) || strncmp(node->name, typed, (size_t)(dot - typed)) != 0)
            continue;
        offer_rows(line, before, node->name, node->op->options);
    }
    pl_graph_free(graph);
}

static void offer_value(const struct line *line, const char *before, const char *kind) {
    if (strcmp(kind, "FILE") == 0)
        fputs(":files\n", line->out);
    else if (strcmp(kind, "DIR") == 0)
        fputs(":folders\n", line->out);
    else if (strcmp(kind, "NODE") == 0)
        offer_nodes(line, before, "");
    else if (strcmp(kind, "NODE.OPTION=VALUE") == 0)
        offer_settings(line, before);
}

/* ---- Options and operands ---- */

static const struct pl_cli_option *find_option(const struct pl_subcommand *command, const char *name, size_t length) {
    for (const struct pl_cli_option *o = command->options; o && o->name; o++)
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0) return o;
    return NULL;
}

static const struct pl_cli_option *find_letter(const struct pl_subcommand *command, char letter) {
    for (const struct pl_cli_option *o = command->options; o && o->name; o++)
        if (o->letter == letter) return o;
    return NULL;
}

static void offer_options(const struct line *line) {
    for (const struct pl_cli_option *o = line->command->options; o && o->name; o++) {
        char text[64];
        snprintf(text, sizeof text, "--%s", o->name);
        offer(line, "", text, o->doc);
    }
    offer(line, "", "--help", "Show what the command takes.");
}

static void offer_commands(const struct line *line) {
    for (unsigned i = 0; i < line->all_count; i++)
        offer(line, "", line->all[i]->name, line->all[i]->summary);
}

static void offer_operators(const struct line *line) {
    for (unsigned i = 0; i < pl_registry_count(); i++)
        offer(line, "", pl_registry_get(i)->name, pl_registry_get(i)->summary);
}

/* "add NAME|list|remove NAME" or "[list|export]": the words in lower case, of which the first operand is one. */
static void offer_words(const struct line *line, const char *operands) {
    for (const char *at = operands; at && *at; at = strchr(at, '|'), at += at ? 1 : 0) {
        char word[64];
        at += strspn(at, "[");
        size_t length = 0;
        while (islower((unsigned char)at[length]) || at[length] == '-')
            length++;
        if (!length) continue;
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        offer(line, "", word, NULL);
    }
}

static void offer_operand(const struct line *line) {
    const char *operands = line->command->operands;
    if (line->operands >= line->command->most) return;
    if (strncmp(operands, "GRAPH", 5) == 0)
        fputs(":graphs\n", line->out);
    else if (strstr(operands, "OPERATOR"))
        offer_operators(line);
    else if (strcmp(operands, "[COMMAND]") == 0)
        offer_commands(line);
    else if (line->operands == 0)
        offer_words(line, operands);
}

/* ---- The line ---- */

/* A word in front of the last one. A shell may have cut --name=value into three. */
static void take_word(struct line *line, const char *word) {
    static const char graph[] = "--graph=";
    const char *equals = strchr(word, '=');
    if (line->open) {
        if (strcmp(word, "=") == 0) return;
        if (strcmp(line->open->name, "graph") == 0) line->graph = word;
        line->open = NULL;
    } else if (line->ended || word[0] != '-' || !word[1]) {
        if (line->operands++ == 0 && !line->graph) line->graph = word;
    } else if (strcmp(word, "--") == 0) {
        line->ended = true;
    } else if (!equals) {
        bool is_long = word[1] == '-';
        const struct pl_cli_option *option =
            is_long ? find_option(line->command, word + 2, strlen(word + 2)) : find_letter(line->command, word[1]);
        if (option && option->value) line->open = option;
    } else if (strncmp(word, graph, strlen(graph)) == 0) {
        line->graph = word + strlen(graph);
    }
}

static void complete_command(struct line *line) {
    for (int i = 1; i < line->count - 1; i++)
        take_word(line, line->words[i]);
    const char *equals = strchr(line->last, '=');
    if (line->open) {
        if (strcmp(line->last, "=") == 0) line->last = "";
        offer_value(line, "", line->open->value);
    } else if (!line->ended && strncmp(line->last, "--", 2) == 0 && equals) {
        const struct pl_cli_option *o = find_option(line->command, line->last + 2, (size_t)(equals - line->last) - 2);
        char before[96];
        snprintf(before, sizeof before, "%.*s", (int)(equals - line->last) + 1, line->last);
        if (o && o->value) offer_value(line, before, o->value);
    } else if (!line->ended && line->last[0] == '-') {
        offer_options(line);
    } else {
        offer_operand(line);
    }
}

void pl__complete(const struct pl_subcommand *const *commands, unsigned command_count, const char *const *words,
                  int count, FILE *out) {
    if (count < 1) return;
    struct line line = {.all = commands,
                        .all_count = command_count,
                        .words = words,
                        .count = count,
                        .last = words[count - 1],
                        .out = out};
    if (count == 1 || (count == 2 && strcmp(words[0], "help") == 0)) {
        offer_commands(&line);
        if (count == 1) offer(&line, "", "help", "Show what a command takes.");
        return;
    }
    for (unsigned i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, words[0]) == 0) line.command = commands[i];
    if (line.command) complete_command(&line);
}
