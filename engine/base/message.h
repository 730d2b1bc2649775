/* message.h: a message for people and the line it becomes (inside of engine/base; diag.c sends it). */
#ifndef POTLINE_MESSAGE_H
#define POTLINE_MESSAGE_H

#include <potline/diag.h>
#include <potline/time.h>

#include "base/utf8.h"

enum {
    PL__MESSAGE_MAX = 2048, /* longer text ends in "..." */
    PL__NODE_MAX = 255,
    PL__LINE_MAX = (PL__MESSAGE_MAX + PL__NODE_MAX) * PL_JSON_GROWTH + 256,
};

struct pl__message {
    enum pl_level level;
    const char *node; /* NULL: not from a node */
    unsigned partition;
    uint32_t left_out; /* how many like it were not sent before */
    pl_time time;
    char text[PL__MESSAGE_MAX];
    size_t length;
};

/* Writes the line with its newline into `line` (room for PL__LINE_MAX) and returns the end. */
char *pl__message_line(const struct pl__message *message, bool json, bool coloured, char *line);

/* For a process whose standard error another one reads and passes on: what pl_diag writes begins with this byte there,
 * so that it can be told from what others write. */
enum { PL__DIAG_MARK = 0x1e };
void pl__diag_mark_lines(void);
void pl__diag_pass_on(const char *line); /* without the mark and the newline */
bool pl__diag_json(void);
enum pl_level pl__diag_least(void);

/* A line of progress stands on the terminal, without an end: the next message takes its place. Any thread. */
void pl__diag_progress(bool shown);

#endif
