/* oversight.h: who watches over a run from outside: whoever reads its pages over HTTP (--metrics), and systemd. */
#ifndef POTLINE_CLI_OVERSIGHT_H
#define POTLINE_CLI_OVERSIGHT_H

#include "cli.h"
#include "drive.h"
#include "http/monitor.h"
#include "service.h"

#define PL_CLI_METRICS                                                                                                 \
    { "metrics", "ADDRESS:PORT", "Show metrics and health over HTTP, as 127.0.0.1:9464 (:9464 is the same).", 0 }

struct pl_oversight {
    struct pl_monitor *monitor; /* NULL: not asked for */
    struct pl_service service;
};

/* False after saying what is wrong; *exit_code says it too. pl_oversight_fini in any case. */
bool pl_oversight_init(struct pl_oversight *oversight, const struct pl_cli *cli, int *exit_code);
void pl_oversight_fini(struct pl_oversight *oversight);

/* Around the following of a standby. */
void pl_oversight_follows(struct pl_oversight *oversight);
void pl_oversight_took_over(struct pl_oversight *oversight);

/* Before the first work of a drive: it is to beat for us. */
void pl_oversight_begin(struct pl_oversight *oversight, struct pl_drive *drive);
/* Before an engine's end: it is not looked at any more. */
void pl_oversight_hide(struct pl_oversight *oversight);
/* Behind the last one. */
void pl_oversight_end(struct pl_oversight *oversight, bool good);
/* For the drive's beat: shows the engine that is at work. */
void pl_oversight_beat(struct pl_oversight *oversight, struct pl_drive *drive);

#endif
