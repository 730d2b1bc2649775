#include "report.h"

#include <potline/diag.h>

#include "points.h"

/* As OPC UA part 9 means it: 1-333 low, 334-666 medium, 667-1000 high. */
enum { SEVERITY_WELL = 100, SEVERITY_EXCEPTION = 500, SEVERITY_TIMEOUT = 600, SEVERITY_DISCONNECTED = 700 };

enum pl_code pl__report_init(struct pl__report *report, struct pl_node *node, const char *endpoint,
                             struct pl_error **error) {
    report->node = node;
    report->endpoint = endpoint;
    report->body = pl_pack_new();
    pl_reach(node, false);
    if (!report->body) return pl_error_set(error, PL_NO_MEMORY, "no memory for the events of %s", endpoint);
    return PL_OK;
}

void pl__report_fini(struct pl__report *report) {
    pl_pack_free(report->body);
    report->body = NULL;
}

static void push(struct pl__report *report, const struct pl__event *event) {
    if (report->count == PL__EVENTS_MAX) {
        report->left_out++;
        return;
    }
    report->ring[(report->first + report->count++) % PL__EVENTS_MAX] = *event;
    pl_wake(report->node);
}

static void push_about(struct pl__report *report, pl_time time, const char *kind, uint16_t severity,
                       const struct pl__subject *subject) {
    push(report, &(struct pl__event){
                     .kind = kind,
                     .severity = severity,
                     .exception = *subject->exception,
                     .about_call = true,
                     .call = *subject->call,
                     .tag = subject->tag,
                     .time = time,
                 });
}

void pl__report_down(struct pl__report *report, pl_time time, const char *why) {
    if (report->down) return;
    pl_reach(report->node, false);
    pl_diag_write(&report->warned, report->node, PL_WARN, "%s: %s: %s; trying again", report->endpoint,
                  report->up ? "the connection is lost" : "the device cannot be reached", why);
    report->up = false;
    report->down = true;
    push(report, &(struct pl__event){
                     .kind = "modbus.disconnected", .severity = SEVERITY_DISCONNECTED, .why = why, .time = time});
}

static void report_up(struct pl__report *report, pl_time time) {
    if (report->up) return;
    pl_reach(report->node, true);
    if (report->down)
        pl_diag_write(&report->informed, report->node, PL_INFO, "%s: the device answers", report->endpoint);
    report->up = true;
    report->down = false;
    push(report, &(struct pl__event){.kind = "modbus.connected", .severity = SEVERITY_WELL, .time = time});
}

void pl__report_outcome(struct pl__report *report, pl_time time, const struct pl__subject *subject,
                        const struct pl_modbus_answer *answer) {
    bool was_silent = subject->unit->silent;
    switch (answer->status) {
    case PL_MODBUS_DISCONNECTED: return;
    case PL_MODBUS_TIMEOUT:
        subject->unit->silent = true;
        if (!was_silent) push_about(report, time, "modbus.timeout", SEVERITY_TIMEOUT, subject);
        return;
    case PL_MODBUS_OK:
    case PL_MODBUS_EXCEPTION: break;
    }
    report_up(report, time);
    bool changed = *subject->exception != answer->exception;
    subject->unit->silent = false;
    *subject->exception = answer->exception;
    if (changed && answer->exception)
        push_about(report, time, "modbus.exception", SEVERITY_EXCEPTION, subject);
    else if (changed || was_silent)
        push_about(report, time, "modbus.recovered", SEVERITY_WELL, subject);
}

static void body_write(const struct pl__report *report, const struct pl__event *event) {
    struct pl_pack *body = report->body;
    pl_pack_reset(body);
    pl_pack_map(body, 1 + (event->why ? 1 : 0) + (event->about_call ? 4 : 0) + (event->exception ? 2 : 0));
    pl_pack_pair_str(body, "endpoint", report->endpoint);
    if (event->why) pl_pack_pair_str(body, "why", event->why);
    if (event->about_call) {
        pl_pack_pair_int(body, "unit", event->call.unit);
        pl_pack_pair_int(body, "function", event->call.function);
        pl_pack_pair_int(body, "address", event->call.address);
        pl_pack_pair_int(body, "count", event->call.count);
    }
    if (event->exception) {
        pl_pack_pair_int(body, "exception", event->exception);
        pl_pack_pair_str(body, "meaning", pl_modbus_exception_name(event->exception));
    }
}

enum pl_flow pl__report_emit(struct pl__report *report, unsigned port) {
    if (report->count == 0) return PL_FLOW_WAIT;
    enum pl_flow flow = PL_FLOW_OK;
    for (; report->count > 0 && flow == PL_FLOW_OK; report->count--) {
        const struct pl__event *event = &report->ring[report->first];
        report->first = (report->first + 1) % PL__EVENTS_MAX;
        if (!pl_wanted(report->node, port)) continue;
        body_write(report, event);
        uint32_t asset = pl_tags_get(pl_node_tags(report->node), event->tag)->asset;
        flow = pl_emit_event(report->node, port, event->time, event->kind, event->severity, asset, event->tag,
                             report->body);
    }
    return flow;
}
