/* override_commands.c: override engage, release, list. */
#include <potline/text.h>

#include "guard.h"

const struct pl_option override_args[] = {
    PL_OPT_STRING(struct override_args, scope, "scope", NULL, PL_FIXED, "An asset, a line, a tag or ALL."),
    PL_OPT_STRING(struct override_args, reason, "reason", NULL, PL_FIXED, "Why."),
    PL_OPT_BOOL(struct override_args, anyway, "anyway", "false", PL_FIXED, "Also of what is not known here yet."),
    PL_OPT_END,
};

const struct pl_option release_args[] = {
    PL_OPT_STRING(struct override_args, scope, "scope", NULL, PL_FIXED, "As `override list` shows it."),
    PL_OPT_STRING(struct override_args, reason, "reason", NULL, PL_FIXED, "Why."),
    PL_OPT_END,
};

enum pl_code override_engage_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                 struct pl_error **error) {
    struct guard *s = self;
    const struct override_args *wanted = args;
    const char *scope = scope_read(wanted->scope, error);
    (void)node;
    if (!scope) return PL_SYNTAX;
    enum pl_code code = wanted->anyway ? PL_OK : scope_known(s, scope, error);
    if (code) return code;
    pl_call_changed(call, scope, "released", "overridden");
    return override_engage(s, scope, pl_call_user(call), wanted->reason, error);
}

enum pl_code override_release_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                                  struct pl_error **error) {
    struct guard *s = self;
    const struct override_args *wanted = args;
    const char *scope = scope_read(wanted->scope, NULL);
    (void)node;
    if (!scope) scope = wanted->scope; /* a switch overrides its asset, whatever its name */
    pl_call_changed(call, scope, "overridden", "released");
    enum pl_code code = override_release(s, scope, error);
    if (!code) tell_scope(s, "override.released", 700, scope, pl_call_user(call), wanted->reason);
    return code;
}

enum pl_code override_list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    const struct guard *s = self;
    (void)args;
    (void)error;
    for (unsigned i = 0; i < s->override_count; i++) {
        const struct override *o = &s->overrides[i];
        char since[PL_TEXT_TIME_MAX + 1];
        *pl_text_put_time(since, o->since) = 0;
        struct pl_pack *row = pl_reply_row(call, 5);
        pl_pack_pair_str(row, "scope", o->scope);
        pl_pack_pair_str(row, "user", o->user);
        pl_pack_pair_str(row, "since", since);
        pl_pack_pair_str(row, "reason", o->reason);
        pl_pack_pair_str(row, "guard", pl_node_name(node));
    }
    return PL_OK;
}
