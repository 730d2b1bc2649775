/* output.h: the file, pipe or standard output that rows are written to.
 *
 * A regular file is left as it is until there is something to write, or until it is resumed at the byte where a
 * checkpoint stood: opening it destroys nothing. In the atomic mode rows go to PATH.part, which takes its name when the
 * output is complete.
 */
#ifndef POTLINE_OUTPUT_H
#define POTLINE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <potline/error.h>

enum pl_output_mode { PL_OUTPUT_TRUNCATE, PL_OUTPUT_APPEND, PL_OUTPUT_ATOMIC };

struct pl_output {
    char *path;  /* of the file that is open, or how messages call it; owned */
    char *final; /* the name that it takes in the end; owned, NULL: none */
    enum pl_output_mode mode;
    int fd; /* -1: not open */
    bool regular;
    bool shared; /* standard output that had to be made non-blocking for all who hold it */
    bool begun;  /* writing has begun, or goes on where it was */
};

/* pl_output_close takes it after failure too. */
enum pl_code pl_output_open(struct pl_output *output, const char *path, enum pl_output_mode mode,
                            struct pl_error **error);
void pl_output_close(struct pl_output *output);

/* The first byte is about to be written: empties the file, or goes to its end. *offset is where it goes; 0 for what has
 * no places. */
enum pl_code pl_output_begin(struct pl_output *output, uint64_t *offset, struct pl_error **error);

uint64_t pl_output_size(const struct pl_output *output); /* 0 for what has no places */

/* Instead: goes on at `offset`, and takes away what is behind it. */
enum pl_code pl_output_resume(struct pl_output *output, uint64_t offset, struct pl_error **error);

/* All is written: in the atomic mode, syncs the file and gives it its name. */
enum pl_code pl_output_finish(struct pl_output *output, struct pl_error **error);

#endif
