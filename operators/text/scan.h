/* scan.h: finds the structure of delimited text: where fields and records end.
 *
 *     bytes   1700,"a,b",4.2\n1701,...
 *     index       ^     ^   ^     ^         the breaks: delimiters and line ends outside quotes
 *
 * Text is compared 64 bytes at a time (AVX2 where the machine has it, else SSE2, else by eights) and the bits of the
 * breaks are turned into positions without a branch a byte. A quote opens a field only as its first character (RFC
 * 4180), so a stray one inside of text changes nothing.
 *
 * The caller keeps PL_SLACK readable bytes behind `to`. A scan stops anywhere and goes on with more bytes; when the
 * caller moves the text, it says by how much (pl_scan_shift). Never allocates, never fails.
 */
#ifndef POTLINE_SCAN_H
#define POTLINE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct pl_scan;
typedef uint32_t pl_scan_kernel(struct pl_scan *scan, const char *bytes, uint32_t to, uint32_t *index, uint32_t room);

struct pl_scan {
    char delimiter;
    char blank;      /* another delimiter, as the tab beside the space; else the same as `delimiter` */
    char quote;      /* 0: none */
    bool multiline;  /* a quoted field may hold line ends */
    bool quoted;     /* where the scan stands is inside quotes */
    uint32_t at;     /* where the scan stands */
    uint32_t start;  /* of the field that it stands in */
    uint32_t closed; /* where the last closing quote is, or PL_SCAN_NOWHERE */
    uint32_t hidden; /* line ends found inside quotes */
    pl_scan_kernel *kernel;
};

#define PL_SCAN_NOWHERE (UINT32_MAX - 1)

/* Room that pl_scan_index needs at least: a block of 64 breaks and what a kernel writes ahead. */
enum { PL_SCAN_ROOM = 80 };

enum pl_scan_level { PL_SCAN_BEST, PL_SCAN_AVX2, PL_SCAN_SSE2, PL_SCAN_PLAIN };

/* Delimiters, quote and multiline are set by the caller first. False when the machine has no such level. */
bool pl_scan_init(struct pl_scan *scan, enum pl_scan_level level);

/* Writes the positions of the breaks in bytes[scan->at .. to) to `index`, until all is seen or fewer than PL_SCAN_ROOM
 * of `room` are left. Returns how many. */
static inline uint32_t pl_scan_index(struct pl_scan *scan, const char *bytes, uint32_t to, uint32_t *index,
                                     uint32_t room) {
    return scan->kernel(scan, bytes, to, index, room);
}

/* The text moved `by` bytes towards its buffer's begin. */
void pl_scan_shift(struct pl_scan *scan, uint32_t by);

/* The scan begins anew at `at`, outside quotes. */
void pl_scan_restart(struct pl_scan *scan, uint32_t at);

#endif
