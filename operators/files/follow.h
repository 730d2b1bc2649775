/* follow.h: tells when a file may have grown, or another file may have taken its name.
 *
 * The kernel tells (inotify, through libuv) about the file itself and about its folder, since a name that moves to
 * another file is the folder's affair. What has happened is for the owner to find out (pl_follow_state). File systems
 * of other machines tell nothing; there a file cannot be followed.
 */
#ifndef POTLINE_FOLLOW_H
#define POTLINE_FOLLOW_H

#include <stdint.h>

#include <potline/error.h>

struct uv_loop_s;
struct pl_follow;

enum pl_follow_state {
    PL_FOLLOW_SAME,     /* the name still stands for the open file, which has all that was read from it */
    PL_FOLLOW_CUT,      /* the file has become shorter than what was read: it begins anew */
    PL_FOLLOW_REPLACED, /* the name stands for another file */
    PL_FOLLOW_GONE,     /* there is none of that name, or it cannot be read */
};

/* `path` is borrowed. NULL on failure. */
struct pl_follow *pl_follow_new(struct uv_loop_s *loop, const char *path, void (*changed)(void *user), void *user,
                                struct pl_error **error);
void pl_follow_free(struct pl_follow *follow); /* NULL is fine; the memory goes when the loop has closed the handles */

/* The file of that name was opened just now: its own changes are told from here on. */
void pl_follow_opened(struct pl_follow *follow);

/* How the open file (-1: none) relates to its name, when `taken` bytes were read from it. */
enum pl_follow_state pl_follow_state(const struct pl_follow *follow, int fd, uint64_t taken);

#endif
