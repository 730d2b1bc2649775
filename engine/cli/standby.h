/* standby.h: the options of `run` that are about a standby, and what they bring about around the engine's life. */
#ifndef POTLINE_CLI_STANDBY_H
#define POTLINE_CLI_STANDBY_H

#include "cli.h"
#include "control/control.h"
#include "drive.h"
#include "standby/fence.h"
#include "standby/serve.h"

#define PL_CLI_STANDBY                                                                                                 \
    {"serve-standby", "ENDPOINT", "Give a standby what is written, at tcp://HOST:PORT (needs --standby-key).", 0},     \
        {"standby", "ENDPOINT", "Follow the engine there, and take its place when told to (needs --standby-key).", 0}, \
        {"standby-key", "FILE", "The key that engine and standby share, as \"potline keys generate\" makes it.", 0},   \
        {"takeover-after", "DURATION",                                                                                 \
         "Take its place when nothing was heard of it for so long (never, if not given).", 0},                         \
    {                                                                                                                  \
        "standby-timeout", "DURATION", "How long a sync waits for the standby before it goes on alone (1s).", 0        \
    }

struct pl_cli_standby {
    const char *serves, *follows; /* endpoints; NULL: not asked for */
    pl_time takeover_after, patience;
    struct pl_standby_secret secret;
    struct pl_drive *drive;
    struct pl_standby_server *server;
    struct pl_fence *fence;
    _Atomic uint64_t passed; /* the generation that has taken our place */
};

/* False after saying what is wrong. */
bool pl_cli_standby_read(const struct pl_cli *cli, struct pl_cli_standby *standby);
void pl_cli_standby_fini(struct pl_cli_standby *standby);

/* Follows, where that is asked for. True: the folder is to be run now; else the exit code says how it ended. */
bool pl_cli_standby_follow(const struct pl_cli_standby *standby, const char *folder, struct pl_store_key *key,
                           int *exit_code);

/* Around the engine: behind its making, in front of its end, behind its end. */
enum pl_code pl_cli_standby_begin(struct pl_cli_standby *standby, struct pl_drive *drive,
                                  const struct pl_store_key *key, struct pl_error **error);
void pl_cli_standby_show(struct pl_cli_standby *standby, struct pl_control_options *options);
void pl_cli_standby_ending(struct pl_cli_standby *standby, bool orderly);
void pl_cli_standby_end(struct pl_cli_standby *standby);

#endif
