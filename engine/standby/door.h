/* door.h: where a standby takes commands: a socket in its data folder (0600), a line of text each way.
 *
 *     takeover     "ok": it ends to follow and begins to work
 *     status       a JSON object
 */
#ifndef POTLINE_STANDBY_DOOR_H
#define POTLINE_STANDBY_DOOR_H

#include <potline/error.h>
#include <stddef.h>

#define PL_STANDBY_DOOR "standby.sock"

enum { PL_STANDBY_ANSWER = 1024 };

struct pl__door {
    void *context, *socket;
    char *path;
};

/* In the folder of a store that is ours: a socket that is there was left by one that died. */
enum pl_code pl__door_open(struct pl__door *door, const char *folder, struct pl_error **error);
void pl__door_close(struct pl__door *door);

enum pl__knock { PL__NOBODY, PL__TAKEOVER, PL__STATUS };
/* The next command that waits; one that is not known is answered here. Each must be answered. */
enum pl__knock pl__door_next(struct pl__door *door);
void pl__door_answer(struct pl__door *door, const char *text);

/* The other side of it. PL_UNAVAILABLE: nobody answers. */
enum pl_code pl_standby_ask(const char *folder, const char *command, char answer[PL_STANDBY_ANSWER],
                            struct pl_error **error);

#endif
