/* explain_print.c: an explanation for people, on a terminal. */
#include "explain.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/text.h>

enum { TITLE = 12 };

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static void put_value(const json_t *value, FILE *out) {
    if (json_is_real(value))
        fprintf(out, "%.10g", json_real_value(value));
    else if (json_is_string(value))
        fputs(json_string_value(value), out);
    else if (json_is_null(value) || !value)
        fputs("-", out);
    else
        json_dumpf(value, out, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void title(const char *text, FILE *out) {
    fprintf(out, "%-*s", TITLE, text);
}

/* ---- The row ---- */

/* "count 10  mean 4.2": what a row has besides what it is called by. */
static void put_columns(const json_t *row, FILE *out) {
    static const char *const shown[] = {"type", "start", "end", "time", "tag", "asset", "kind", "body", "node"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        bool skip = json_is_null(value);
        for (size_t i = 0; i < PL_COUNT_OF(shown); i++)
            skip |= strcmp(key, shown[i]) == 0;
        if (skip) continue;
        fprintf(out, "%s ", key);
        put_value(value, out);
        fputs("  ", out);
    }
}

static void put_name(const json_t *row, FILE *out) {
    const char *kind = text_of(row, "kind"), *start = text_of(row, "start");
    fprintf(out, "%s%s%s  %s%s%s", kind, *kind ? "  " : "", text_of(row, "tag"), start, *start ? " to " : "",
            *start ? text_of(row, "end") : text_of(row, "time"));
}

static void put_time(const char *before, bool there, pl_time time, FILE *out) {
    char text[PL_TEXT_TIME_MAX + 1];
    if (!there) return;
    *pl_text_put_time(text, time) = 0;
    fprintf(out, "%s%s", before, text);
}

static void put_parts(const json_t *tags, FILE *out) {
    size_t i;
    json_t *part;
    json_array_foreach((json_t *)(uintptr_t)tags, i, part) {
        const json_t *share = json_object_get(part, "share");
        title(i ? "" : "by", out);
        if (json_is_number(share)) fprintf(out, "%3.0f %%  ", 100 * json_number_value(share));
        fprintf(out, "%s\n", text_of(part, "tag"));
    }
}

/* The end of an alarm that is none of what it was about. */
static void put_how(const char *how, FILE *out) {
    static const char *const words[][2] = {{"lasts", "; it lasts, and has been taken for usual"},
                                           {"replaced", "; it lasts, and another one has begun"},
                                           {"open", "; there are no rows behind it"}};
    for (size_t i = 0; i < PL_COUNT_OF(words); i++)
        if (strcmp(how, words[i][0]) == 0) fputs(words[i][1], out);
}

/* Of an anomaly or a ticket. */
static void put_said(const json_t *row, FILE *out) {
    struct pl__said said;
    if (!pl__explain_said(row, &said)) return;
    title("score", out);
    fprintf(out, "%.4g", said.score);
    if (!isnan(said.threshold)) fprintf(out, ", an anomaly from %.4g on", said.threshold);
    put_time("; from ", said.starts, said.start, out);
    put_time(" to ", said.ends, said.end, out);
    put_how(said.how, out);
    fputc('\n', out);
    if (*said.explanation) title("why", out), fprintf(out, "%s\n", said.explanation);
    if (*said.cause) title("perhaps", out), fprintf(out, "%s\n", said.cause);
    if (*said.action) title("to do", out), fprintf(out, "%s\n", said.action);
    put_parts(said.tags, out);
}

static void put_row(const json_t *said, FILE *out) {
    const json_t *row = json_object_get(said, "row"), *body = json_object_get(row, "body");
    title(strcmp(text_of(row, "type"), "windows") == 0   ? "window"
          : strcmp(text_of(row, "type"), "samples") == 0 ? "sample"
                                                         : "event",
          out);
    put_name(row, out);
    fputc('\n', out);
    title("", out);
    put_columns(row, out);
    fputc('\n', out);
    if (*text_of(body, "message")) title("", out), fprintf(out, "%s\n", text_of(body, "message"));
    if (*text_of(body, "user"))
        title("", out), fprintf(out, "by %s: %s\n", text_of(body, "user"), text_of(body, "reason"));
    put_said(row, out);
    title("kept", out);
    fprintf(out, "in %s by %s, partition %" JSON_INTEGER_FORMAT ", epoch %" JSON_INTEGER_FORMAT "\n",
            text_of(said, "zone"), text_of(said, "node"), number_of(said, "partition"), number_of(said, "epoch"));
}

static void put_others(const json_t *said, FILE *out) {
    size_t i;
    json_t *other;
    json_array_foreach(json_object_get(said, "others"), i, other) {
        title(i ? "" : "also", out);
        put_name(json_object_get(other, "row"), out);
        fprintf(out, ", in %s by %s\n", text_of(other, "zone"), text_of(other, "node"));
    }
}

/* ---- Who made it ---- */

static void put_nodes(const json_t *said, FILE *out) {
    size_t i, k;
    json_t *node, *from;
    json_array_foreach(json_object_get(said, "nodes"), i, node) {
        const char *then = text_of(node, "version_then"), *now = text_of(node, "version");
        title(i ? "" : "made by", out);
        fprintf(out, "%s (%s %s", text_of(node, "node"), text_of(node, "op"), *then ? then : now);
        fprintf(out, "%s%s)", *then && strcmp(then, now) != 0 ? ", now " : "",
                *then && strcmp(then, now) != 0 ? now : "");
        json_array_foreach(json_object_get(node, "from"), k, from) {
            fprintf(out, "%s%s", k ? ", " : " <- ", json_string_value(from));
        }
        fputc('\n', out);
    }
}

static void put_models(const json_t *said, FILE *out) {
    size_t i;
    json_t *model;
    json_array_foreach(json_object_get(said, "models"), i, model) {
        const char *then = text_of(model, "model"), *now = text_of(model, "now"), *node = text_of(model, "node");
        title(i ? "" : "models", out);
        fputs(then, out);
        if (*node) fprintf(out, ", of node %s", node);
        if (*node && strcmp(then, now) != 0) fprintf(out, "; now it is %s", now);
        fputc('\n', out);
    }
}

static void put_known_graph(const json_t *graph, FILE *out) {
    size_t i;
    json_t *set;
    long long number = json_integer_value(json_object_get(graph, "number"));
    fprintf(out, "%s %s since %s, potline %s; ", text_of(graph, "name"), text_of(graph, "hash"),
            text_of(graph, "since"), text_of(graph, "engine"));
    if (number)
        fprintf(out, "number %lld of the history (%s, by %s), ", number, text_of(graph, "how"), text_of(graph, "by"));
    fprintf(out, "%s %s\n", text_of(graph, "file_now"),
            is_true(graph, "same")   ? "is the same"
            : is_true(graph, "gone") ? "is not there any more"
                                     : "is not the same now (file, variables or --set)");
    json_array_foreach(json_object_get(graph, "set"), i, set) {
        title(i ? "" : "set", out);
        fprintf(out, "%s\n", json_string_value(set));
    }
}

static void put_graph(const json_t *said, FILE *out) {
    const json_t *graph = json_object_get(said, "graph");
    title("graph", out);
    if (*text_of(graph, "hash"))
        put_known_graph(graph, out);
    else
        fprintf(out, "not known; %s %s now\n", text_of(graph, "file_now"), text_of(graph, "hash_now"));
}

static void put_changes(const json_t *said, FILE *out) {
    size_t i;
    json_t *change;
    json_array_foreach(json_object_get(said, "changes"), i, change) {
        const char *from = text_of(change, "from"), *reason = text_of(change, "reason");
        title(i ? "" : "changed", out);
        fprintf(out, "%s  %s: %s %s%s%s -> %s%s%s\n", text_of(change, "time"), text_of(change, "user"),
                text_of(change, "action"), text_of(change, "object"), *from ? " " : "", from, text_of(change, "to"),
                *reason ? "  " : "", reason);
    }
}

static void put_rule(const json_t *said, FILE *out) {
    const json_t *rule = json_object_get(said, "rule");
    const char *key;
    json_t *value;
    if (!rule) return;
    title("rule", out);
    fputs(text_of(rule, "name"), out);
    if (*text_of(rule, "place"))
        fprintf(out, " of node %s, %s, sha256 %s...", text_of(rule, "node"), text_of(rule, "place"),
                text_of(rule, "sha256"));
    fputc('\n', out);
    title("", out);
    json_object_foreach(json_object_get(rule, "numbers"), key, value) {
        fprintf(out, "%s ", key);
        put_value(value, out);
        fputs("  ", out);
    }
    fputc('\n', out);
}

/* ---- Made again ---- */

/* "made again: not equal (id, state), but", and what is not done again: what people did. */
static void put_why_not(const json_t *again, FILE *out) {
    const json_t *people = json_object_get(again, "people"), *instead = json_object_get(again, "instead");
    size_t i;
    json_t *one;
    fputs(instead ? "made again: not equal (" : "made again: not", out);
    json_array_foreach(json_object_get(again, "different"), i, one) {
        fprintf(out, "%s%s", i ? ", " : "", json_string_value(one));
    }
    if (instead) fputs(people ? ")" : "), but", out);
    if (people) fputs(instead ? "; what people did is not done again:" : "; it may come of what people did:", out);
    fputc('\n', out);
    json_array_foreach((json_t *)(uintptr_t)people, i, one) {
        title("", out);
        fprintf(out, "%s  %s: %s %s\n", text_of(one, "time"), text_of(one, "user"), text_of(one, "action"),
                text_of(one, "object"));
    }
    if (people && instead) title("", out), fputs("it comes out as\n", out);
}

static void put_again(const json_t *said, FILE *out) {
    const json_t *again = json_object_get(said, "again"), *instead = json_object_get(again, "instead");
    title("again", out);
    if (is_true(again, "equal")) {
        fprintf(out, "made again: equal, and so of these %" JSON_INTEGER_FORMAT " samples alone%s\n",
                number_of(said, "samples_needed"),
                is_true(again, "narrowed") ? "" : " (perhaps of fewer; that would have taken long)");
        return;
    }
    put_why_not(again, out);
    if (!instead) return;
    title("", out);
    put_columns(instead, out);
    fputc('\n', out);
}

static void put_steps(const json_t *sample, FILE *out) {
    size_t i;
    json_t *step;
    if (is_true(sample, "duplicate")) fputs("  a duplicate", out);
    json_array_foreach(json_object_get(sample, "became"), i, step) {
        const json_t *value = json_object_get(step, "value");
        fprintf(out, "  %s: %s", text_of(step, "node"), text_of(step, "what"));
        if (value) fputc(' ', out), put_value(value, out);
        if (*text_of(step, "quality")) fprintf(out, " %s", text_of(step, "quality"));
    }
}

static int widest(const json_t *list, const char *key) {
    size_t i, most = 1;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        size_t length = strlen(text_of(item, key));
        if (length > most) most = length;
    }
    return (int)most;
}

static void put_sample(const json_t *sample, int time, int tag, int source, FILE *out) {
    char value[32];
    const json_t *number = json_object_get(sample, "value"), *row = json_object_get(sample, "row");
    snprintf(value, sizeof value, json_is_real(number) ? "%.10g" : "-", json_real_value(number));
    fprintf(out, "%-*s  %-*s  %-12s  %-*s  %s  bronze %s", time, text_of(sample, "time"), tag, text_of(sample, "tag"),
            value, source, text_of(sample, "source"), text_of(sample, "quality"), text_of(sample, "place"));
    if (row) fputs("  ", out), put_columns(row, out);
    if (json_is_false(json_object_get(sample, "needed"))) fputs("  (not needed)", out);
    put_steps(sample, out);
    fputc('\n', out);
}

static void put_rest(const char *name, const json_t *list, json_int_t all, FILE *out) {
    json_int_t shown = (json_int_t)json_array_size(list);
    if (shown == all) return;
    title(shown ? "" : name, out);
    fprintf(out, "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " are shown; --rows shows more\n", shown, all);
}

static void put_samples(const json_t *said, FILE *out) {
    const json_t *list = json_object_get(said, "samples");
    int time = widest(list, "time"), tag = widest(list, "tag"), source = widest(list, "source");
    size_t i;
    json_t *sample;
    json_array_foreach((json_t *)(uintptr_t)list, i, sample) {
        title(i ? "" : "samples", out);
        put_sample(sample, time, tag, source, out);
    }
    put_rest("samples", list, number_of(said, "samples_total"), out);
}

static void put_made(const json_t *said, FILE *out) {
    const json_t *list = json_object_get(said, "made");
    int node = widest(list, "node");
    size_t i;
    json_t *made;
    json_array_foreach((json_t *)(uintptr_t)list, i, made) {
        const json_t *row = json_object_get(made, "row");
        const char *port = text_of(made, "port"), *message = text_of(json_object_get(row, "body"), "message");
        title(i ? "" : "on the way", out);
        fprintf(out, "%-*s  ", node, text_of(made, "node"));
        if (strcmp(port, "out") != 0) fprintf(out, "(%s)  ", port);
        put_name(row, out);
        fputs("  ", out);
        put_columns(row, out);
        fprintf(out, "%s\n", message);
    }
    put_rest("on the way", list, number_of(said, "made_total"), out);
}

/* ---- What did not become rows ---- */

static void put_lost(const json_t *said, FILE *out) {
    static const char *const counts[] = {"expected", "accepted", "late", "duplicate", "rejected", "missing"};
    size_t i;
    json_t *sum, *letter;
    json_array_foreach(json_object_get(said, "ledger"), i, sum) {
        title(i ? "" : "ledger", out);
        fprintf(out, "%s of %s, hours from %s:", text_of(sum, "tag"), text_of(sum, "source"),
                text_of(sum, "hours_from"));
        for (size_t k = 0; k < PL_COUNT_OF(counts); k++)
            fprintf(out, " %s %" JSON_INTEGER_FORMAT, counts[k], number_of(sum, counts[k]));
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(said, "letters"), i, letter) {
        title(i ? "" : "dead", out);
        fprintf(out, "%s of %s near %s: %s, %s (%s); letter %s\n", text_of(letter, "tag"), text_of(letter, "source"),
                text_of(letter, "near"), text_of(letter, "cause"), text_of(letter, "reason"), text_of(letter, "state"),
                text_of(letter, "id"));
    }
}

void pl__explain_print(const json_t *said, FILE *out) {
    put_row(said, out);
    put_others(said, out);
    put_nodes(said, out);
    put_models(said, out);
    put_graph(said, out);
    put_changes(said, out);
    put_rule(said, out);
    put_again(said, out);
    put_made(said, out);
    put_samples(said, out);
    put_lost(said, out);
}
