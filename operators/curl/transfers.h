/* transfers.h: libcurl on a libuv loop: no transfer ever waits on the thread.
 *
 *     pl_transfers_start(transfers, &transfer)   -->   done(transfer, CURLE_OK), from the loop, once
 *
 * What a transfer does its owner sets in `easy`, which stays the owner's and may be started again when it is done.
 * Thread: the loop's.
 */
#ifndef POTLINE_TRANSFERS_H
#define POTLINE_TRANSFERS_H

#include <curl/curl.h>
#include <stdbool.h>

struct uv_loop_s;
struct pl_transfers;

struct pl_transfer {
    CURL *easy;
    void (*done)(struct pl_transfer *transfer, CURLcode code); /* may start it again, or free everything */
    struct pl_transfer *next;                                  /* of those under way */
};

struct pl_transfers *pl_transfers_new(struct uv_loop_s *loop); /* begins libcurl, too; NULL without memory */
bool pl_transfers_start(struct pl_transfers *transfers, struct pl_transfer *transfer); /* false: it has not begun */

/* What is under way ends without `done`; then its `easy` can be freed. NULL is fine. */
void pl_transfers_free(struct pl_transfers *transfers);

#endif
