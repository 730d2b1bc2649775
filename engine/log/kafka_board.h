/* kafka_board.h: what the engines of a group say of themselves: the compacted topic TOPIC.group, an entry for each.
 *
 *     board = open(options)
 *     each second: put(board, my key, my bytes); poll(board)     each(board) --> everybody's last entry, and its age
 *     put(board, my key, NULL, 0); close(board)                  an orderly end leaves nothing behind
 *
 * Ages are by the brokers' clock, which stamps every entry, so engines need not agree about the time. Entries are bytes
 * to this; who reads them trusts nothing. What is too large, or too many, is passed over and counted.
 *
 * Threads: put, poll and close are for one; each and catch_up are for any.
 */
#ifndef POTLINE_LOG_KAFKA_BOARD_H
#define POTLINE_LOG_KAFKA_BOARD_H

#include "log/kafka.h"

struct pl_kafka_board;

/* An entry stays in what brokers take by default; all of them together in PL_BOARD_BYTES. */
enum { PL_BOARD_KEY = 64, PL_BOARD_ENTRY = 768 << 10, PL_BOARD_ENTRIES = 1024, PL_BOARD_BYTES = 64 << 20 };

enum pl_code pl_kafka_board_open(const struct pl_log_kafka_options *options, struct pl_kafka_board **board,
                                 struct pl_error **error);
void pl_kafka_board_close(struct pl_kafka_board *board); /* what was put is sent, if that can be soon; NULL is fine */

/* Becomes the entry under `key`; NULL: there is none any more. Waits for nothing. */
void pl_kafka_board_put(struct pl_kafka_board *board, const char *key, const void *bytes, size_t size);
/* Takes in what there is; waits for it up to that long. */
void pl_kafka_board_poll(struct pl_kafka_board *board, pl_time wait);

struct pl_board_entry { /* borrowed for the call */
    const char *key;
    const void *bytes;
    size_t size;
    pl_time age;
    int64_t offset; /* of two entries the one with the lower was there first, for everybody */
};

typedef void pl_kafka_board_visitor(void *arg, const struct pl_board_entry *entry);
/* Returns how many entries were passed over, since it was opened. */
uint64_t pl_kafka_board_each(struct pl_kafka_board *board, pl_kafka_board_visitor *visit, void *arg);

/* Returns when all that stands there now has been heard by who polls. PL_UNAVAILABLE: not within `wait`. */
enum pl_code pl_kafka_board_catch_up(struct pl_kafka_board *board, pl_time wait, struct pl_error **error);

#endif
