/* notify.h: what `notify.email` and `notify.webhook` share: who is told of which event, when, and whether it arrived.
 *
 *     events --> whom, of what? told lately? --> outbox (a table) --> due? on duty? too many? --> transfer --> person
 *                                                    ^-- not now: again later ----------------------'
 *
 *     plugin.c     descriptors, life cycle            options.c    options and what they say together
 *     take.c       events to records of the outbox    people.c     who is meant, and who is on duty
 *     outbox.c     records that wait, those told      deliver.c    what is due leaves; what became of it
 *     text.c       placeholders filled in             mail.c       a message as RFC 5322 wants it
 *     transfer.c   libcurl on the node's loop         carriers.c   what differs between the two
 *     commands.c   notify list, ack, test
 *
 * A notification's id follows from the node, the event, the person and the step of escalation, so that whatever is told
 * twice (an answer that was lost, a death behind the last checkpoint) bears the same id. What happened is never left
 * out in silence: it is told, or counted and said.
 */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include <potline/potline.h>
#include <uv.h>

#include "transfer.h"

enum {
    USER_MAX = 64,
    KIND_MAX = 96,
    WHY_MAX = 120,
    BODY_MAX = 1024,
    PEOPLE_MAX = 1000,
    FLYING_MAX = 4, /* transfers at the same time */
};

enum table { TABLE_OUTBOX, TABLE_TOLD, TABLE_RATES };

enum counter {
    COUNT_SENT,
    COUNT_RETRIED,
    COUNT_FAILED,
    COUNT_ALIKE,
    COUNT_OFF_DUTY,
    COUNT_ENDED,
    COUNT_DROPPED,
};

/* A row of the option `people`. */
struct person {
    const char *user, *to;
    uint32_t role;
    uint32_t days;     /* bits, from Monday */
    const char *hours; /* "06:00-14:00"; empty: always */
};

/* A row of the option `routes`. */
struct route {
    struct pl_strings events, to;
    const char *tags;
    int64_t severity;
    pl_time after;
};

/* One notification that waits. Texts, not ids: a record is copied as bytes. */
struct waiting {
    uint64_t id, event;
    pl_time time;      /* of the event */
    pl_time made, due; /* by the engine's clock */
    pl_time wait;      /* from when `due` was set until then: a clock that is set back delays nothing for longer */
    pl_time step;      /* `after` of its route */
    uint32_t attempts, alike; /* `alike`: were not told since the last one */
    uint16_t severity, body_size;
    bool chosen; /* is to be told, whoever is on duty later */
    bool test;
    char unused[2];
    char user[USER_MAX], to[USER_MAX]; /* the entry of `to` that he was found by */
    char kind[KIND_MAX], why[WHY_MAX]; /* why it was not taken the last time */
    char tag[PL_NAME_MAX + 1], asset[PL_NAME_MAX + 1];
    uint8_t body[BODY_MAX]; /* msgpack; as many of the first pairs as fit */
};

struct told { /* of a subject, to a person, of a kind */
    pl_time at;
    uint32_t alike, unused;
};

struct allowance { /* of a person */
    double left;
    pl_time at;
};

struct notify {
    struct pl_list people, routes;
    struct pl_strings until;
    pl_time dedupe, retry, retry_max, give_up, timeout;
    double rate;
    int64_t burst, urgent, max_waiting;
    const char *ca;
    const char *server, *tls_user, *password, *sender, *subject, *text; /* notify.email */
    uint32_t tls;
    const char *url, *content; /* notify.webhook, and `text` */
    struct pl_list headers;

    struct pl_node *node;
    const struct carrier *carrier;
    struct pl_pack *body;
    struct transfers *transfers;
    uv_timer_t timer;
    bool timer_open, stopping, over; /* over: nothing is waited for any more */
    pl_time stopped;
    struct flight {
        uint64_t id; /* 0: free */
        uint32_t subject;
    } flying[FLYING_MAX];
};

/* How a kind of notification is written. */
struct carrier {
    /* Fills in what curl is told; false without memory. */
    bool (*write)(const struct notify *s, const struct waiting *record, const char *subject, struct letter *letter);
    void (*check)(const struct notify *s, struct pl_check *check);
};
extern const struct carrier mail_carrier, hook_carrier;

/* ---- people.c ---- */

extern const char *const day_names[8];
bool hours_are_sound(const char *hours);
bool person_on_duty(const struct person *person, pl_time now);
bool person_meant(const struct person *person, const char *to); /* by a name or pattern, or role:NAME */
const struct person *person_find(const struct notify *s, const char *user);
bool somebody_on_duty(const struct notify *s, const char *to, pl_time now);

/* ---- take.c ---- */

void take_row(struct notify *s, const struct pl_batch *batch, uint32_t row);
/* A notification that nobody's routes are asked for; 0: there is no room. */
uint64_t take_test(struct notify *s, const struct person *person, const char *reason, pl_time now);

/* ---- outbox.c ---- */

struct entry {
    const struct waiting *record;
    uint32_t subject;
};

uint32_t outbox_name(struct notify *s, const char *text); /* PL_NO_ID: it is no name, or there is no room */
const char *outbox_text(const struct notify *s, uint32_t name);
/* Room for a record of this severity, made by dropping a lesser one if need be; NULL: none. */
struct waiting *outbox_put(struct notify *s, uint32_t subject, uint64_t id, unsigned severity);
bool outbox_next(const struct notify *s, struct pl_record **at, struct entry *entry); /* *at: NULL at first */
void outbox_drop(struct notify *s, uint32_t subject, uint64_t id);
struct waiting *outbox_change(struct notify *s, uint32_t subject, uint64_t id);
bool outbox_flies(const struct notify *s, uint64_t id);
unsigned outbox_end(struct notify *s, uint32_t subject); /* its escalation; returns how many steps were left */
void outbox_forget(struct notify *s, pl_time now);       /* what was told too long ago to matter */
/* A step of escalation of this kind waits already. */
bool outbox_escalates(const struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time step);
/* False: it has been told lately. *alike: how many were not told since the last one. */
bool outbox_news(const struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time time,
                 uint32_t *alike);
/* It has been told; or, `news` false, not, for it had been lately. */
void outbox_told(struct notify *s, uint32_t subject, const char *user, const char *kind, pl_time time, bool news);
bool outbox_allows(struct notify *s, const char *user, pl_time now, bool take); /* by his allowance */

/* ---- deliver.c ---- */

void deliver(struct notify *s);
void delivered(void *user, unsigned slot, enum outcome outcome, const char *why);

/* ---- text.c ---- */

enum escape { ESCAPE_NONE, ESCAPE_JSON, ESCAPE_URL, ESCAPE_LINE };
/* `template` with its placeholders filled in; to be freed with pl_free, NULL without memory. */
char *text_fill(const struct notify *s, const struct waiting *record, const char *subject, const char *template,
                enum escape escape);
uint64_t text_hash(uint64_t hash, const void *bytes, size_t size);
enum { ID_TEXT = 17 };
void text_id(char text[ID_TEXT], uint64_t id);

/* ---- mail.c ---- */

/* Headers and text as they go over the line, to be freed with pl_free. */
char *mail_write(const struct notify *s, const struct waiting *record, const char *to, const char *subject,
                 const char *text);

/* ---- options.c, commands.c ---- */

extern const struct pl_option mail_options[], hook_options[];
void notify_check(void *self, struct pl_check *check, const struct carrier *carrier);
extern const struct pl_command notify_commands[];

#endif
