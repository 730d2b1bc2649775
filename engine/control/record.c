/* record.c: what of a request goes into the audit. */
#include <inttypes.h>
#include <stdio.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "control/control_impl.h"

enum { STRANGERS_EVERY_NS = 1000000000 };

static void append(struct pl_control *control, struct pl_audit_record *record) {
    struct pl_error *error = NULL;
    record->time = pl_engine_now(control->options.engine);
    if (!control->audit || pl_audit_append(control->audit, record, &error) == PL_OK) return;
    char *text = pl_error_text(error);
    pl_diag(PL_ERROR, "the audit cannot be written: %s", text ? text : "no memory");
    pl_free(text);
    pl_error_free(&error);
}

/* Of those who are not signed in only a login that was tried is told one by one: it takes them a while. All else they
 * could send as fast as they like. */
void pl__request_audit(const struct pl_request *request, const char *outcome) {
    const struct pl_call *reply = request->reply;
    char correlation[PL_RUN_NAME + 24 + PL_ASK_CORRELATION];
    if (!request->who.known && !request->tried) {
        request->control->strangers++;
        return;
    }
    snprintf(correlation, sizeof correlation, "%s-%" PRIu64 "%s%s",
             pl_engine_journal(request->control->options.engine)->run, request->number, request->ask ? " " : "",
             request->ask ? pl__ask_correlation(request->ask) : "");
    struct pl_audit_record record = {
        .user = request->who.name,
        .role = request->who.known ? pl_role_names[request->who.role] : "",
        .origin = request->ask          ? pl__ask_origin(request->ask)
                  : request->peer.local ? "shell"
                                        : "shell, remote",
        .action = request->command ? request->command->spec->name : "",
        .object = reply->object[0] ? reply->object : request->line,
        .from = reply->from,
        .to = reply->to,
        .reason = request->reason,
        .outcome = outcome,
        .correlation = correlation,
    };
    append(request->control, &record);
}

void pl__strangers_audit(struct pl_control *control, uint64_t now) {
    char many[64];
    if (!control->strangers || now - control->strangers_told < STRANGERS_EVERY_NS) return;
    snprintf(many, sizeof many, "%" PRIu64 " commands of nobody who is signed in", control->strangers);
    struct pl_audit_record record = {.user = "",
                                     .action = "refused",
                                     .object = many,
                                     .outcome = "refused",
                                     .correlation = pl_engine_journal(control->options.engine)->run};
    append(control, &record);
    control->strangers = 0;
    control->strangers_told = now;
}
