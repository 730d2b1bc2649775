/* session.h: who is asking: tokens that a login gave, each good until nobody has used it for a while.
 *
 * Threads: the control thread.
 */
#ifndef POTLINE_CONTROL_SESSION_H
#define POTLINE_CONTROL_SESSION_H

#include <potline/command.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/users.h"

enum { PL_SESSIONS_MAX = 1024, PL_TOKEN_BYTES = 24, PL_TOKEN_TEXT = 2 * PL_TOKEN_BYTES + 1 };

struct pl_identity {
    char name[PL_USER_NAME_MAX + 1]; /* "" for nobody */
    enum pl_role role;
    bool known;
};

struct pl_sessions;
struct pl_sessions *pl_sessions_new(void); /* NULL without memory */
void pl_sessions_free(struct pl_sessions *sessions);

/* A new token for a user; false without randomness. The one that was unused longest makes room. */
bool pl_sessions_begin(struct pl_sessions *sessions, const struct pl_identity *who, char token[PL_TOKEN_TEXT]);
bool pl_sessions_find(struct pl_sessions *sessions, const char *token, struct pl_identity *who);
void pl_sessions_end_user(struct pl_sessions *sessions, const char *name); /* all of a user's */

#endif
