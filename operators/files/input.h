/* input.h: the bytes of one file, pipe or standard input, unpacked on the way.
 *
 * A regular file is read as it comes (that does not wait for anybody); a pipe, a terminal or a device never blocks:
 * when it has nothing, PL_INPUT_WAIT says so and the owner watches `fd`. One thread.
 */
#ifndef POTLINE_INPUT_H
#define POTLINE_INPUT_H

#include <stdint.h>

#include <potline/error.h>

#include "unzip.h"

enum pl_input_got { PL_INPUT_BYTES, PL_INPUT_WAIT, PL_INPUT_END, PL_INPUT_FAILED };

struct pl_input {
    const char *path; /* borrowed */
    int fd;           /* -1: not open */
    bool regular;
    bool fifo;   /* a named pipe, which may not have a writer yet */
    bool shared; /* standard input that had to be made non-blocking for all who hold it */
    enum pl_unzip_kind kind;
    struct pl_unzip *unzip;
    char *raw; /* bytes read ahead: to know what they are, or to unpack */
    size_t raw_from, raw_to;
    bool raw_end;
    uint64_t taken; /* bytes given out, of this file */
};

/* `held_open`: a named pipe does not end when its writers have gone. The input is closed by pl_input_close, after
 * failure too. */
enum pl_code pl_input_open(struct pl_input *input, const char *path, enum pl_unzip_kind kind, bool held_open,
                           struct pl_error **error);
void pl_input_close(struct pl_input *input); /* a zeroed one is fine */

/* Up to `room` (at least 1) bytes; *count of them when it gives PL_INPUT_BYTES. */
enum pl_input_got pl_input_read(struct pl_input *input, char *space, size_t room, size_t *count,
                                struct pl_error **error);

/* Goes to byte `offset` (unpacked) of a regular file. */
enum pl_code pl_input_seek(struct pl_input *input, uint64_t offset, struct pl_error **error);

/* A hash over the first bytes of a regular file as it stands on disk, at most `size` of them (0: as many as there are,
 * up to a few hundred); *used of them. 0 for anything else. */
uint64_t pl_input_fingerprint(const struct pl_input *input, uint32_t size, uint32_t *used);

bool pl_is_fifo(const char *path);

#endif
