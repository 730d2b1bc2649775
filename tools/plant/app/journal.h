/* journal.h: what the plant tells beside its registers: truth, what was shown, what happened. CSV, in order of time. */
#ifndef PLANT_JOURNAL_H
#define PLANT_JOURNAL_H

#include <stdio.h>

#include "../field/plc.h"

struct plant_journal {
    const struct plant *plant; /* borrowed, like the rest */
    const struct plant_sensors *sensors;
    const struct plant_faults *faults;
    FILE *truth, *emitted, *events, *writes; /* NULL: not asked for */
    uint64_t truth_steps, emitted_steps;     /* from one time that they are told to the next */
    uint64_t effects;                        /* begun in the run */
};

/* Opens the files that are named (NULL: none; "-": standard output) and writes their headers. */
bool plant_journal_open(struct plant_journal *journal, const char *truth, const char *emitted, const char *events,
                        char *why, size_t size);
/* The log of every write received: a line is in the kernel's hands before the write is answered. */
bool plant_journal_open_writes(struct plant_journal *journal, const char *path, char *why, size_t size);
/* False when something could not be written. */
bool plant_journal_close(struct plant_journal *journal);

/* After a step: what happened in it, then what is shown and what is true. */
void plant_journal_step(struct plant_journal *journal);

/* As callbacks of the PLC; `user` is the journal. */
void plant_journal_write(void *journal, const struct plant_write *write);
void plant_journal_watchdog(void *journal, unsigned line, bool silent);

#endif
