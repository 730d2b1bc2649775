/* unzip.h: unpacks a stream of gzip or Zstandard in pieces of any size and bounded memory.
 *
 * Archives may follow each other in one stream, as `cat a.gz b.gz` makes them; they read as one.
 */
#ifndef POTLINE_UNZIP_H
#define POTLINE_UNZIP_H

#include <stdbool.h>
#include <stddef.h>

enum pl_unzip_kind { PL_UNZIP_AUTO, PL_UNZIP_NONE, PL_UNZIP_GZIP, PL_UNZIP_ZSTD };

struct pl_unzip;

/* Bytes in and out of one call; `in` and `out` move on as they are used. */
struct pl_unzip_step {
    const char *in;
    size_t in_size;
    char *out;
    size_t out_size;
};

/* What the first bytes of a stream say (4 of them are enough); PL_UNZIP_NONE when it is neither. */
enum pl_unzip_kind pl_unzip_detect(const char *bytes, size_t size);

struct pl_unzip *pl_unzip_new(enum pl_unzip_kind kind); /* NULL without memory */
void pl_unzip_free(struct pl_unzip *unzip);             /* NULL is fine */

/* Until the input is used up or the output is full. False: the data is damaged. */
bool pl_unzip_go(struct pl_unzip *unzip, struct pl_unzip_step *step);

/* The stream may end here: no archive is open. */
bool pl_unzip_complete(const struct pl_unzip *unzip);

#endif
