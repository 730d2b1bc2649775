/* commands.c: guard list, mode, approve, reject, set. */
#include <math.h>
#include <potline/text.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"

static double nan_unless(bool there, double value) {
    return there ? value : NAN;
}

static void reply_time(struct pl_pack *row, const char *key, pl_time time, bool there) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, there ? (size_t)(pl_text_put_time(text, time) - text) : 0);
}

/* ---- guard list ---- */

struct list_args {
    const char *tag;
};

static const struct pl_option list_args[] = {
    PL_OPT_STRING(struct list_args, tag, "tag", "*", PL_FIXED, "Name or pattern of the set points."),
    PL_OPT_END,
};

static bool is_advised(const struct guard *s, const struct point *point) {
    return mode_of(s, point_name(s, point)) == MODE_ADVISE && !isnan(point->advised) &&
           point->wish.expiry > pl_now(s->node);
}

static const char *state_of(const struct guard *s, const struct point *point) {
    if (override_of(s, point_name(s, point))) return "overridden";
    if (point->waits) return "waits";
    if (point->leased) return "leased";
    if (point->shed) return "shed";
    if (point->returning) return "returns";
    return is_advised(s, point) ? "advised" : "";
}

static void reply_point(struct guard *s, const struct point *point, struct pl_call *call) {
    double from;
    bool advised = is_advised(s, point), wished = point->waits || advised;
    decide_move(s, point, pl_now(s->node), &from);
    struct pl_pack *row = pl_reply_row(call, 11);
    pl_pack_pair_str(row, "tag", point_name(s, point));
    pl_pack_pair_str(row, "mode", mode_names[mode_of(s, point_name(s, point))]);
    pl_pack_pair_str(row, "state", state_of(s, point));
    pl_pack_pair_f64(row, "stands", from);
    pl_pack_pair_f64(row, "passed", point->sent);
    pl_pack_pair_f64(row, "wished", nan_unless(wished, point->wish.value));
    pl_pack_pair_f64(row, "low", point->limit->low);
    pl_pack_pair_f64(row, "high", point->limit->high);
    reply_time(row, "until", wished ? point->wish.expiry : point->lease.expiry, wished || point->leased);
    pl_pack_pair_str(row, "reason", wished ? point->wish.reason : point->leased ? point->lease.reason : "");
    pl_pack_pair_str(row, "refused", point->why ? point->why : "");
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    struct guard *s = self;
    const struct list_args *wanted = args;
    (void)node;
    (void)error;
    for (uint32_t i = 0; i < s->point_count; i++)
        if (pl_glob(wanted->tag, point_name(s, &s->points[i]))) reply_point(s, &s->points[i], call);
    return PL_OK;
}

/* ---- guard mode ---- */

struct mode_args {
    const char *scope;
    uint32_t mode;
    const char *reason;
    bool anyway;
};

static const struct pl_option mode_args[] = {
    PL_OPT_STRING(struct mode_args, scope, "scope", NULL, PL_FIXED, "An asset, a line, a tag or ALL."),
    PL_OPT_CHOICE(struct mode_args, mode, "mode", NULL, mode_names, PL_FIXED, "From then on."),
    PL_OPT_STRING(struct mode_args, reason, "reason", NULL, PL_FIXED, "Why."),
    PL_OPT_BOOL(struct mode_args, anyway, "anyway", "false", PL_FIXED, "Also of what is not known here yet."),
    PL_OPT_END,
};

static enum pl_code mode_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    struct guard *s = self;
    const struct mode_args *wanted = args;
    const char *scope = scope_read(wanted->scope, error);
    (void)node;
    if (!scope) return PL_SYNTAX;
    enum mode before = mode_of(s, scope), mode = (enum mode)wanted->mode;
    enum pl_role role = pl_call_role(call);
    if (mode > MODE_ADVISE && !(PL_MAY(role) & PL_MAY_ENGINEER))
        return pl_error_set(error, PL_DENIED, "%s may not let set points pass; an engineer sets mode %s",
                            pl_role_names[role], mode_names[mode]);
    enum pl_code code = wanted->anyway ? PL_OK : scope_known(s, scope, error);
    if (code) return code;
    pl_call_changed(call, scope, mode_names[before], mode_names[mode]);
    code = mode_set(s, scope, mode, error);
    if (mode_of(s, scope) == mode) /* it holds, even where it could not be kept */
        tell_scope(s, "guard.mode", 400, scope, pl_call_user(call), wanted->reason);
    return code;
}

/* ---- guard approve, guard reject ---- */

struct approve_args {
    const char *tag, *reason;
    double value;
};

static const struct pl_option approve_args[] = {
    PL_OPT_STRING(struct approve_args, tag, "tag", NULL, PL_FIXED, "Name or pattern of the set points that wait."),
    PL_OPT_NUMBER(struct approve_args, value, "value", ".nan", NULL, NULL, PL_FIXED,
                  "What is approved, as it was shown: where another value waits by now, nothing passes."),
    PL_OPT_STRING(struct approve_args, reason, "reason", "", PL_FIXED, "Why."),
    PL_OPT_END,
};

struct reject_args {
    const char *tag, *reason;
};

static const struct pl_option reject_args[] = {
    PL_OPT_STRING(struct reject_args, tag, "tag", NULL, PL_FIXED,
                  "Name or pattern of the set points that wait, or go step by step to what was approved."),
    PL_OPT_STRING(struct reject_args, reason, "reason", "", PL_FIXED, "Why."),
    PL_OPT_END,
};

static const char *number(double value, char text[PL_TEXT_F64_MAX + 1]) {
    *pl_text_put_f64(text, value) = 0;
    return text;
}

static void changed(const struct guard *s, const struct point *point, struct pl_call *call, const char *to) {
    char from[PL_TEXT_F64_MAX + 1], text[PL_TEXT_F64_MAX + 1];
    pl_call_changed(call, point_name(s, point), number(point->sent, from), to ? to : number(point->wish.value, text));
}

/* It is judged anew: much may have happened since it came. */
static const char *approve(struct guard *s, struct point *point, pl_time now, const char **detail) {
    double value;
    const char *why = decide_why(s, point, &point->wish, now, &value, detail);
    point->waits = false;
    if (why) return why;
    point->approved = point->wish.value;
    struct wish wish = point->wish;
    return decide_pass(s, point, &wish, value, now) ? NULL : "what passed could not be kept";
}

/* What somebody has seen may have gone the way of print and of JSON: that is no other value. */
static bool is_another(double shown, double waits) {
    return !isnan(shown) && !(fabs(waits - shown) <= 1e-9 * fmax(1, fabs(waits)));
}

static enum pl_code approve_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                struct pl_error **error) {
    struct guard *s = self;
    const struct approve_args *wanted = args;
    unsigned found = 0;
    for (uint32_t i = 0; i < s->point_count; i++) { /* before any of them passes */
        const struct point *point = &s->points[i];
        char waits[PL_TEXT_F64_MAX + 1], shown[PL_TEXT_F64_MAX + 1];
        if (!point->waits || !pl_glob(wanted->tag, point_name(s, point))) continue;
        if (is_another(wanted->value, point->wish.value))
            return pl_error_set(error, PL_CONFLICT, "%s: %s waits now, not %s: nothing has passed",
                                point_name(s, point), number(point->wish.value, waits), number(wanted->value, shown));
    }
    for (uint32_t i = 0; i < s->point_count; i++) {
        struct point *point = &s->points[i];
        const char *detail = NULL, *name = point_name(s, point);
        if (!point->waits || !pl_glob(wanted->tag, name)) continue;
        found++;
        changed(s, point, call, NULL);
        const char *why = approve(s, point, pl_now(node), &detail);
        if (why) tell_refused(s, point->tag, &point->wish, why, detail);
        if (why && strcmp(wanted->tag, name) == 0)
            return pl_error_set(error, PL_CONFLICT, "%s: %s%s%s", name, why, detail ? ": " : "", detail ? detail : "");
        struct pl_pack *row = pl_reply_row(call, 2);
        pl_pack_pair_str(row, "tag", name);
        pl_pack_pair_str(row, "outcome", why ? why : "passed");
    }
    return found ? PL_OK : PL_NOT_FOUND;
}

/* It is let pass step by step, and has not come to what was approved. */
static bool is_under_way(const struct point *point) {
    return point->leased && !isnan(point->approved) && point->sent != point->approved;
}

static enum pl_code reject_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    struct guard *s = self;
    const struct reject_args *wanted = args;
    unsigned found = 0;
    (void)error;
    for (uint32_t i = 0; i < s->point_count; i++) {
        struct point *point = &s->points[i];
        bool stops = is_under_way(point);
        if (!(point->waits || stops) || !pl_glob(wanted->tag, point_name(s, point))) continue;
        found++;
        changed(s, point, call, "rejected");
        struct wish wish = point->waits ? point->wish : point->lease;
        if (!point->waits) wish.value = point->approved;
        if (stops) point->approved = NAN; /* it goes no further; what has passed holds for its lease */
        point->waits = false;
        point->why = "rejected";
        tell_wish(s, "guard.rejected", 400, point, &wish, pl_now(node), "rejected", pl_call_user(call));
    }
    return found ? PL_OK : PL_NOT_FOUND;
}

/* ---- guard set ---- */

struct set_args {
    const char *tag;
    double value;
    pl_time lasts;
    const char *reason;
};

static const struct pl_option set_args[] = {
    PL_OPT_STRING(struct set_args, tag, "tag", NULL, PL_FIXED, "The set point."),
    PL_OPT_NUMBER(struct set_args, value, "value", NULL, NULL, NULL, PL_FIXED, "Its value."),
    PL_OPT_DURATION(struct set_args, lasts, "for", NULL, "1s", "1d", PL_FIXED, "How long it holds."),
    PL_OPT_STRING(struct set_args, reason, "reason", NULL, PL_FIXED, "Why."),
    PL_OPT_END,
};

/* What has passed may be nearer than what was asked for, and for less long. */
static void reply_passed(const struct guard *s, const struct point *point, const struct wish *wish,
                         struct pl_call *call) {
    bool nearer = point->sent != wish->value, sooner = point->lease.expiry != wish->expiry;
    struct pl_pack *row = pl_reply_row(call, 5);
    pl_pack_pair_str(row, "tag", point_name(s, point));
    pl_pack_pair_f64(row, "asked", wish->value);
    pl_pack_pair_f64(row, "passed", point->sent);
    reply_time(row, "until", point->lease.expiry, true);
    pl_pack_pair_str(row, "outcome",
                     nearer && sooner ? "as far as limits and rate allow, for lease_max"
                     : nearer         ? "as far as limits and rate allow; ask again for the rest"
                     : sooner         ? "for lease_max"
                                      : "as asked");
}

/* By hand, whatever the mode; all else is asked as of any set point. */
static enum pl_code set_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                            struct pl_error **error) {
    struct guard *s = self;
    const struct set_args *wanted = args;
    uint32_t tag = pl_tags_intern(pl_node_tags(node), wanted->tag, strlen(wanted->tag));
    struct point *point = tag == PL_NO_ID ? NULL : point_get(s, tag);
    pl_time now = pl_now(node);
    if (!point) return PL_NOT_FOUND;
    struct wish wish = {.time = now, .expiry = now + wanted->lasts, .id = (uint64_t)now, .value = wanted->value};
    char reason[2 * REASON_MAX];
    int length = snprintf(reason, sizeof reason, "by %s: %s", pl_call_user(call), wanted->reason);
    pl_text_copy(wish.reason, sizeof wish.reason, reason,
                 (size_t)length < sizeof reason ? (size_t)length : sizeof reason - 1);
    wish.origin = s->own;
    double value = NAN;
    const char *detail = NULL, *why = decide_why(s, point, &wish, now, &value, &detail);
    char from[PL_TEXT_F64_MAX + 1], to[PL_TEXT_F64_MAX + 1];
    pl_call_changed(call, point_name(s, point), number(point->sent, from), number(value, to));
    if (!why && !decide_pass(s, point, &wish, value, now)) why = "what passed could not be kept";
    if (!why) {
        point->approved = NAN; /* what was approved before does not take it back */
        reply_passed(s, point, &wish, call);
        return PL_OK;
    }
    tell_refused(s, tag, &wish, why, detail);
    return pl_error_set(error, PL_CONFLICT, "%s: %s%s%s", wanted->tag, why, detail ? ": " : "", detail ? detail : "");
}

#define COMMAND(name_, doc_, roles_, flags_, args_, type, run_)                                                        \
    {                                                                                                                  \
        .name = (name_), .doc = (doc_), .roles = (roles_), .flags = (flags_), .args = (args_),                         \
        .args_size = sizeof(struct type), .run = (run_)                                                                \
    }

const struct pl_command guard_commands[] = {
    COMMAND("guard list", "Lists set points: their mode, what passed, what waits, what was refused.", PL_MAY_SEE, 0,
            list_args, list_args, list_run),
    COMMAND("guard mode", "Sets who decides: manual, advise, approve or auto; an engineer lets set points pass.",
            PL_MAY_OPERATE, PL_COMMAND_CHANGES, mode_args, mode_args, mode_run),
    COMMAND("guard approve", "Lets set points pass that wait for approval.", PL_MAY_OPERATE, PL_COMMAND_CHANGES,
            approve_args, approve_args, approve_run),
    COMMAND("guard reject", "Turns down set points that wait for approval, and stops those on their way to it.",
            PL_MAY_OPERATE, PL_COMMAND_CHANGES, reject_args, reject_args, reject_run),
    COMMAND("guard set", "Sends a set point by hand, through all checks but that of the mode.", PL_MAY_ENGINEER,
            PL_COMMAND_CHANGES, set_args, set_args, set_run),
    COMMAND("override engage", "Nothing passes any more; it holds until it is released.", PL_MAY_OPERATE,
            PL_COMMAND_CHANGES, override_args, override_args, override_engage_run),
    COMMAND("override release", "Set points may pass again, from where the device stands then.", PL_MAY_LIMIT,
            PL_COMMAND_CHANGES, release_args, override_args, override_release_run),
    {.name = "override list",
     .doc = "Lists the overrides: of what, since when, by whom, why.",
     .roles = PL_MAY_SEE,
     .run = override_list_run},
    {.name = NULL},
};
