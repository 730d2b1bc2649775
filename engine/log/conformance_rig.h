/* conformance_rig.h: what the files of the conformance suite share: the log under test, and records that follow from a
 * number, so that what is read can be held against what was appended.
 */
#ifndef POTLINE_LOG_CONFORMANCE_RIG_H
#define POTLINE_LOG_CONFORMANCE_RIG_H

#include "log/conformance.h"
#include "store/batch_testing.h"

enum { PARTITIONS = 3 };

extern const struct pl_log_factory *factory;
extern char *place;
extern struct pl_tags *tags;
extern struct pl_log *log_;

int setup_log(void **state);
int teardown_log(void **state);
void open_log(unsigned partitions);
void close_log(void);
void reopen_log(void);

/* Record `number` of a partition: what it is follows from these two. End it with drop_record. */
struct pl_log_record make_record(uint16_t partition, uint64_t number);
void drop_record(struct pl_log_record *record);
uint64_t length_of(const struct pl_log_record *record);

void append_records(struct pl_log_record *records, unsigned count);
/* Appends records `from` to `to` of a partition, one, two or three at a time. */
void append_numbers(uint16_t partition, uint64_t from, uint64_t to);

struct pl_log_cursor *open_cursor(unsigned partition, uint64_t from);
void assert_same_record(const struct pl_log_record *a, const struct pl_log_record *b);
/* The sequence of record `number`, which was appended or read. */
uint64_t start_of(uint16_t partition, uint64_t number);
/* A number that comes behind those in front of `next`: the same, or beyond a gap where the log has some. */
void assert_follows(uint64_t sequence, uint64_t next);
bool follows(uint64_t sequence, uint64_t next);

/* A batch of samples with these times; its sequence. */
uint64_t append_times(uint16_t partition, const pl_time *times, uint32_t rows);

/* Reads record `number` and holds it against what was appended; *sequence is its, then the next one's. */
void read_number(struct pl_log_cursor *cursor, uint16_t partition, uint64_t number, uint64_t *sequence);
void check_number(struct pl_log_record *found, uint16_t partition, uint64_t number, uint64_t *sequence); /* takes it */
void assert_at_end(struct pl_log_cursor *cursor);
void assert_holds(uint16_t partition, uint64_t records);

/* conformance_race.c */
void readers_follow_an_appender(void **state);
void sync_runs_beside_appends(void **state);
void what_was_appended_survives_a_kill(void **state);
int run_writer(char *where, const char *counter_path, uint64_t known); /* the process that is killed */

/* conformance_trim.c */
void what_is_trimmed_is_gone_and_the_rest_stays(void **state);
void a_record_is_trimmed_whole_or_not(void **state);
void the_last_record_is_never_trimmed(void **state);
void a_cursor_behind_a_trim_is_told(void **state);
void seek_misses_no_row_behind_a_trim(void **state);
void the_oldest_time_moves_on_with_a_trim(void **state);
void trims_run_beside_appends_and_reads(void **state);

#endif
