/* transfer.h: letters on their way, a few at a time, none of which ever waits on the thread (curl/transfers.h).
 *
 *     transfers_start(transfers, slot, &letter)   -->   done(user, slot, OUTCOME_TAKEN, "")
 *
 * `done` comes from the loop, once for each that was started, but not for those that transfers_free ends.
 */
#ifndef NOTIFY_TRANSFER_H
#define NOTIFY_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct transfers;

enum outcome {
    OUTCOME_TAKEN,
    OUTCOME_LATER, /* it may be taken another time */
    OUTCOME_NEVER, /* the other side has understood and will not */
};

/* What is sent. All texts are owned, and freed with it. */
struct letter {
    char *url, *body;
    size_t body_size;
    char *to;                   /* of a mail, else NULL */
    struct curl_slist *headers; /* of a request */
    /* borrowed, for as long as the node lives */
    const char *from, *user, *password, *ca;
    long tls; /* CURLUSESSL_... */
    int64_t timeout_ms;
};
void letter_free(struct letter *letter);

typedef void transfer_done(void *user, unsigned slot, enum outcome outcome, const char *why);

struct transfers *transfers_new(struct uv_loop_s *loop, unsigned slots, transfer_done *done, void *user);
/* Takes what the letter owns, in success and failure alike. False: it has not begun. */
bool transfers_start(struct transfers *transfers, unsigned slot, struct letter *letter);
void transfers_free(struct transfers *transfers); /* NULL is fine */

#endif
