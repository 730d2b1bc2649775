/* state.h: one alarm and its states, after ISA-18.2 / IEC 62682.
 *
 *                      condition comes                          acknowledged
 *      A normal --------------------> B unacknowledged --------------------> C acknowledged --- goes --> A
 *                                       | condition goes                        | goes, `latch`
 *                                       v                                       v
 *      A <-- acknowledged --  D returned, or E latched-unacknowledged --> F latched-acknowledged -- reset --> A
 *
 *      any --> G shelved, H suppressed by design, I out of service; at their end the condition is looked at afresh:
 *              where it holds the alarm is unacknowledged, else normal
 *
 * What is here changes a record and nothing else: no output, no clock.
 */
#ifndef POTLINE_ALARMS_STATE_H
#define POTLINE_ALARMS_STATE_H

#include <potline/time.h>
#include <stdbool.h>
#include <stdint.h>

enum alarm_state {
    ALARM_NORMAL,
    ALARM_UNACKNOWLEDGED,
    ALARM_ACKNOWLEDGED,
    ALARM_RETURNED,
    ALARM_LATCHED_UNACKNOWLEDGED,
    ALARM_LATCHED_ACKNOWLEDGED,
    ALARM_SHELVED,
    ALARM_SUPPRESSED,
    ALARM_OUT_OF_SERVICE,
    ALARM_STATES
};
extern const char *const alarm_state_names[ALARM_STATES + 1]; /* ends in NULL */

enum { ALARM_RECENT = 16, ALARM_USER = 64, ALARM_REASON = 160, ALARM_MESSAGE = 160 };

/* What an alarm's place is. */
enum alarm_place { ALARM_AT_TAG, ALARM_AT_ASSET, ALARM_AT_NODE };

/* A record of the table, under the alarm's id. Zeroed, it is a normal alarm. */
struct alarm {
    pl_time seen; /* its newest event; an older one changes nothing */
    uint64_t seen_id;
    uint64_t step;    /* goes up with all that data do to it; a decision says behind which one it was given */
    uint64_t decided; /* the stamp of the last decision it knows of */
    pl_time since;    /* the condition is as it is since then */
    pl_time raised;   /* last became unacknowledged */
    pl_time changed;  /* last came to its state */
    pl_time until;    /* shelved until */
    double value, limit;
    uint64_t activations;         /* how often it has become active */
    pl_time recent[ALARM_RECENT]; /* and when, the newest first */
    uint8_t recents;
    uint8_t rule_length; /* of the id, in front of '@' */
    uint8_t place;       /* enum alarm_place */
    bool condition;      /* as the rule says */
    bool active;         /* the same, with the delays */
    bool unacknowledged;
    bool latched; /* the condition has gone, and it waits for a reset */
    bool shelved, suppressed, out_of_service;
    bool chattering, stale, overdue; /* told since it was raised */
    bool unconfirmed;                /* known to have been active before a restart without a log; its rule is silent */
    char user[ALARM_USER];           /* who brought it to its state; "" the plant */
    char reason[ALARM_REASON];
    char message[ALARM_MESSAGE];
};

enum alarm_state alarm_state(const struct alarm *alarm);
bool alarm_hidden(const struct alarm *alarm); /* shelved, suppressed or out of service: nobody is told of it */

/* What people have decided about it still holds. */
bool alarm_stands(const struct alarm *alarm);

/* The condition came (and its delay has passed). False when it was active already. */
bool alarm_activate(struct alarm *alarm, pl_time time);
bool alarm_return(struct alarm *alarm, bool latch);

/* False: there is nothing to acknowledge, to reset. */
bool alarm_acknowledge(struct alarm *alarm);
bool alarm_reset(struct alarm *alarm);

/* What hid it has ended: the condition afresh. */
void alarm_refresh(struct alarm *alarm, pl_time time);

/* It has become active `count` times within the `window` that ends now. */
bool alarm_chatters(const struct alarm *alarm, unsigned count, pl_time window, pl_time now);

/* Copies text, cut at a character where it is too long. */
void alarm_text(char *to, size_t size, const char *text, size_t length);

#endif
