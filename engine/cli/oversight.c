#include "oversight.h"

#include <potline/diag.h>

static const char following[] = "it is a standby, and follows", anew[] = "the engine is made anew, or ends";

bool pl_oversight_init(struct pl_oversight *oversight, const struct pl_cli *cli, int *exit_code) {
    const char *address = pl_cli_get(cli, "metrics");
    struct pl_error *error = NULL;
    pl_service_init(&oversight->service);
    if (!address) return true;
    enum pl_code code = pl_monitor_open(address, &oversight->monitor, &error);
    if (!code) {
        pl_diag(PL_INFO, "metrics: http, port %d: /metrics, /healthz, /readyz", pl_monitor_port(oversight->monitor));
        return true;
    }
    *exit_code = code == PL_USAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    fputs("potline run: --metrics: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

void pl_oversight_fini(struct pl_oversight *oversight) {
    pl_monitor_close(oversight->monitor);
    pl_service_fini(&oversight->service);
}

void pl_oversight_follows(struct pl_oversight *oversight) {
    pl_service_follows(&oversight->service);
    pl_monitor_show(oversight->monitor, NULL, following);
}

void pl_oversight_took_over(struct pl_oversight *oversight) {
    pl_service_took_over(&oversight->service);
    pl_monitor_show(oversight->monitor, NULL, "it is being started");
}

void pl_oversight_begin(struct pl_oversight *oversight, struct pl_drive *drive) {
    if (oversight->monitor || pl_service_is_there(&oversight->service))
        drive->pace = pl_service_pace(&oversight->service);
}

void pl_oversight_hide(struct pl_oversight *oversight) {
    pl_monitor_show(oversight->monitor, NULL, anew);
}

void pl_oversight_end(struct pl_oversight *oversight, bool good) {
    pl_service_ends(&oversight->service, good);
}

void pl_oversight_beat(struct pl_oversight *oversight, struct pl_drive *drive) {
    struct pl_service *service = &oversight->service;
    struct pl_health health;
    if (drive->engine) {
        pl_engine_pulse(drive->engine);
        pl_monitor_show(oversight->monitor, drive->engine, anew);
    }
    drive->pace = pl_service_pace(service);
    if (!pl_service_is_there(service)) return;
    if (drive->engine) pl_health_look(drive->engine, &health);
    pl_service_beat(service, drive->engine ? &health : NULL);
    if (drive->stopping) pl_service_ends(service, false);
}
