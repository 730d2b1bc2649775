/* limits.h: how often strangers may try: requests by address, wrong passwords by user and address.
 *
 * An address of IPv6 counts by its first 64 bits, which is what one peer is given. Both tables have a fixed size; who
 * is not in it any more is new. Threads: the server's. Times are monotonic.
 */
#ifndef POTLINE_HTTP_LIMITS_H
#define POTLINE_HTTP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include <potline/time.h>

struct pl_limits;
struct pl_limits *pl_limits_new(void); /* NULL without memory */
void pl_limits_free(struct pl_limits *limits);

enum pl_limited {
    PL_LIMITED_REQUESTS,  /* 2,000 a second, 4,000 at once */
    PL_LIMITED_STRANGERS, /* of who is not signed in: 20 a second, 100 at once */
    PL_LIMITED_REFUSALS   /* sign-ins during a lock-out that are told to the audit: one a minute, 5 at once */
};

/* May this address have another one? Else *wait says in how many seconds. */
bool pl_limits_take(struct pl_limits *limits, enum pl_limited what, const char *address, pl_time now, unsigned *wait);

/* After five wrong passwords of a user from an address, thirty from an address, or fifty of a user, within a quarter of
 * an hour, nobody there is listened to for five minutes. It does not matter whether there is such a user. Tries that
 * are under way count as wrong until their end: nobody tries more at once than one after the other. What is let in ends
 * with pl_limits_end_login. */
enum pl_login { PL_LOGIN_GOOD, PL_LOGIN_WRONG, PL_LOGIN_UNDECIDED /* nobody has looked at the password */ };
bool pl_limits_begin_login(struct pl_limits *limits, const char *user, const char *address, pl_time now,
                           unsigned *wait);
void pl_limits_end_login(struct pl_limits *limits, const char *user, const char *address, enum pl_login login,
                         pl_time now);

#endif
