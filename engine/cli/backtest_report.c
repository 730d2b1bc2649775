#include "backtest_report.h"

#include <jansson.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "cli.h"

enum { SHOWN = 20 };

static json_t *text_time(pl_time time) {
    char text[PL_TEXT_TIME_MAX];
    return json_stringn(text, (size_t)(pl_text_put_time(text, time) - text));
}

/* Activations that the other side has not: alarm and time. */
static json_t *unmatched(const struct pl__activations *all, const struct pl_tags *tags) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < all->count; i++)
        if (!all->list[i].matched)
            json_array_append_new(list, json_pack("{s:s, s:o}", "alarm", pl_tags_get(tags, all->list[i].alarm)->name,
                                                  "time", text_time(all->list[i].time)));
    return list;
}

static json_t *by_rule(const struct pl__report *r) {
    json_t *rules = json_object();
    for (uint32_t i = 0; i < r->b.found.count; i++) {
        const char *rule = pl_tags_get(r->b.tags, r->b.found.list[i].rule)->name;
        json_object_set_new(rules, rule, json_integer(json_integer_value(json_object_get(rules, rule)) + 1));
    }
    return rules;
}

/* The most activations in ten minutes by the clock. */
static uint32_t most_in_ten_minutes(const struct pl__report *r, double *buckets) {
    const pl_time ten = 10 * PL_MINUTE;
    uint64_t count = (uint64_t)(r->b.to - r->b.from + ten - 1) / (uint64_t)ten;
    uint32_t most = 0, *bucket = count < (1u << 28) ? pl_alloc((count + 1) * sizeof *bucket) : NULL;
    for (uint32_t i = 0; bucket && i < r->b.found.count; i++) {
        pl_time from_start = r->b.found.list[i].time - r->b.from;
        uint64_t at = from_start < 0 ? 0 : (uint64_t)from_start / (uint64_t)ten;
        if (at < count && ++bucket[at] > most) most = bucket[at];
    }
    pl_free(bucket);
    double span = (double)(r->b.to - r->b.from) / (double)ten;
    *buckets = span > 1 ? span : 1;
    return most;
}

static json_t *share(uint64_t part, uint64_t whole) {
    return whole ? json_real((double)part / (double)whole) : json_null();
}

static json_t *verdict_json(const struct pl__report *r, const char *rule) {
    struct pl__verdict v;
    pl__truth_judge(&r->truth, &r->b, r->tolerance, rule, &v);
    const double seconds[] = {v.delay_mean, v.delay_max, v.lead_mean, v.lead_least};
    json_t *value[PL_COUNT_OF(seconds)];
    for (size_t i = 0; i < PL_COUNT_OF(seconds); i++)
        value[i] = v.caught ? json_real(seconds[i]) : json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "known", (json_int_t)v.known, "outside",
                     (json_int_t)v.outside, "caught", (json_int_t)v.caught, "activations", (json_int_t)v.judged,
                     "right", (json_int_t)v.right, "precision", share(v.right, v.judged), "recall",
                     share(v.caught, v.known), "delay_mean_s", value[0], "delay_max_s", value[1], "lead_mean_s",
                     value[2], "lead_least_s", value[3]);
}

/* The verdict on all, with that on each rule that has spoken or should have. */
static json_t *truth_json(const struct pl__report *r, const json_t *counts) {
    if (!r->judged) return json_null();
    json_t *all = verdict_json(r, NULL), *rules = json_object(), *count;
    const char *rule;
    json_object_foreach((json_t *)counts, rule, count) {
        json_object_set_new(rules, rule, verdict_json(r, rule));
    }
    for (uint32_t i = 0; i < r->truth.count; i++) {
        rule = r->truth.list[i].rule;
        if (*rule && !json_object_get(rules, rule)) json_object_set_new(rules, rule, verdict_json(r, rule));
    }
    json_object_set_new(all, "tolerance_s", json_real((double)r->tolerance * 1e-9));
    json_object_set_new(all, "rules", rules);
    return all;
}

static json_t *unasked(const struct pl__trial_rules *rules) {
    json_t *list = json_array();
    for (unsigned i = 0; i < rules->count; i++)
        if (!rules->list[i].evaluated && !rules->list[i].disabled)
            json_array_append_new(list, json_pack("{s:s, s:s}", "rule", rules->list[i].name, "on", rules->list[i].on));
    return list;
}

static json_t *report_json(const struct pl__report *r) {
    double buckets;
    uint32_t most = most_in_ten_minutes(r, &buckets);
    json_t *rules = by_rule(r), *truth = truth_json(r, rules);
    return json_pack("{s:o, s:o, s:I, s:I, s:f, s:I, s:I, s:I, s:o, s:o, s:o, s:{s:I, s:o, s:o}}", "from",
                     text_time(r->b.from), "to", text_time(r->b.to - 1), "rows", (json_int_t)r->b.rows, "alarms",
                     (json_int_t)r->b.found.count, "per_10min_mean", r->b.found.count / buckets, "per_10min_max",
                     (json_int_t)most, "floods", (json_int_t)r->b.found.floods, "chattering",
                     (json_int_t)r->b.found.chattering, "rules", rules, "not_asked", unasked(&r->b.asked), "truth",
                     truth, "live", "alarms", (json_int_t)r->live.count, "new", unmatched(&r->b.found, r->b.tags),
                     "gone", unmatched(&r->live, r->b.tags));
}

static void print_list(const char *what, const json_t *list) {
    size_t i;
    json_t *row;
    printf("%s: %zu\n", what, json_array_size(list));
    json_array_foreach((json_t *)list, i, row) {
        if (i == SHOWN) {
            printf("  ... %zu more (--json has them all)\n", json_array_size(list) - SHOWN);
            break;
        }
        printf("  %s  %s\n", json_string_value(json_object_get(row, "time")),
               json_string_value(json_object_get(row, "alarm")));
    }
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void print_share(const json_t *verdict, const char *key) {
    const json_t *value = json_object_get(verdict, key);
    if (json_is_null(value))
        printf("%10s", "-");
    else
        printf("%10.3f", json_number_value(value));
}

static void print_verdict(const char *rule, double alarms, const json_t *verdict) {
    printf("  %-24s %7.0f %7.0f %7.0f", rule, alarms, number(verdict, "known"), number(verdict, "caught"));
    print_share(verdict, "precision");
    print_share(verdict, "recall");
    if (number(verdict, "caught") > 0)
        printf("  %9.1f %9.1f %9.1f %9.1f", number(verdict, "delay_mean_s"), number(verdict, "delay_max_s"),
               number(verdict, "lead_mean_s"), number(verdict, "lead_least_s"));
    putchar('\n');
}

/* Each rule by itself, then all that known events are about. */
static void print_truth(const json_t *truth, const json_t *counts) {
    const char *rule;
    json_t *verdict;
    printf("against what is known, tolerance %g s:\n", number(truth, "tolerance_s"));
    printf("  %-24s %7s %7s %7s%10s%10s  %19s %19s\n", "", "", "", "", "", "", "s after the start", "s before the end");
    printf("  %-24s %7s %7s %7s%10s%10s  %9s %9s %9s %9s\n", "rule", "alarms", "known", "caught", "precision", "recall",
           "mean", "most", "mean", "least");
    json_object_foreach(json_object_get(truth, "rules"), rule, verdict) {
        print_verdict(rule, number(counts, rule), verdict);
    }
    print_verdict("all of these", number(truth, "activations"), truth);
    double outside = number(truth, "outside");
    if (outside > 0) printf("  not judged: %.0f known events outside of the time that was run over\n", outside);
}

static void print_counts(const json_t *counts) {
    const char *rule;
    json_t *count;
    json_object_foreach((json_t *)counts, rule, count) {
        printf("  %-24s %7.0f\n", rule, json_number_value(count));
    }
}

static bool is_short(const json_t *report) {
    const char *from = json_string_value(json_object_get(report, "from")),
               *to = json_string_value(json_object_get(report, "to"));
    pl_time begin, end;
    return from && to && pl_text_time(from, strlen(from), &begin) && pl_text_time(to, strlen(to), &end) &&
           end - begin < 10 * PL_MINUTE;
}

static void print_report(const json_t *report) {
    const json_t *live = json_object_get(report, "live"), *truth = json_object_get(report, "truth"),
                 *counts = json_object_get(report, "rules");
    printf("%s to %s, %.0f rows\n", json_string_value(json_object_get(report, "from")),
           json_string_value(json_object_get(report, "to")), number(report, "rows"));
    printf("alarms: %.0f; per 10 min: mean %.2f (aim: < 1), most %.0f (a flood: > 10)\n", number(report, "alarms"),
           number(report, "per_10min_mean"), number(report, "per_10min_max"));
    if (is_short(report)) puts("less than 10 min were judged: figures per 10 min are of that time alone");
    printf("floods: %.0f, chattering: %.0f\n", number(report, "floods"), number(report, "chattering"));
    if (json_is_null(truth))
        print_counts(counts);
    else
        print_truth(truth, counts);
    printf("recorded at the time: %.0f\n", number(live, "alarms"));
    print_list("new with these rules", json_object_get(live, "new"));
    print_list("gone with these rules", json_object_get(live, "gone"));
}

int pl__report_show(const struct pl__report *r, bool as_json) {
    json_t *report = report_json(r);
    if (report && as_json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        putchar('\n');
    } else if (report) {
        print_report(report);
    }
    bool good = report != NULL;
    json_decref(report);
    if (!good) fprintf(stderr, "potline alarms: out of memory\n");
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}
