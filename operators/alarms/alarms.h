/* alarms.h: a node's list of alarms, and what its files share.
 *
 *     incoming.c     an event, as an alarm sees it: which one, does it raise or clear
 *     definitions.c  the master alarm table: what the site has said about an alarm
 *     list.c         the alarms there are, at most so many
 *     state.c        an alarm's states;  step.c  one change of one alarm, with all that follows from it
 *     tell.c         changes as events, and in gold
 *     rates.c        floods and the budget
 *     decisions.c    what people decide, now and when the log is read again;  keep.c  as kept values
 *     commands.c     what people do;  shelve.c  the end of a shelving;  history.c  what they ask about the past
 *     alarms.c       the operator, its state
 */
#ifndef POTLINE_ALARMS_H
#define POTLINE_ALARMS_H

#include <potline/potline.h>
#include <uv.h>

#include "decisions.h"
#include "rates.h"
#include "state.h"

enum alarm_priority { PRIORITY_CRITICAL, PRIORITY_HIGH, PRIORITY_MEDIUM, PRIORITY_LOW, PRIORITIES };
extern const char *const alarm_priority_names[PRIORITIES + 1];

/* A row of the master alarm table. */
struct definition {
    const char *match;
    struct pl_strings tags;
    uint32_t priority;
    const char *consequence;
    const char *action;
    pl_time respond;
    pl_time on_delay, off_delay;
    bool latch;
    const char *until;
    const char *class;
    const char *owner;
};

enum {
    COUNT_ACTIVATIONS,
    COUNT_RETURNED,
    COUNT_ACKNOWLEDGED,
    COUNT_UNDEFINED,
    COUNT_IGNORED,
    COUNT_REPEATED,
    COUNT_DROPPED,
    COUNT_REFUSED,
    COUNT_FLOODS,
    COUNT_CHATTERING,
    COUNT_STALE,
    COUNT_OVERDUE,
    COUNT_OVER_BUDGET,
    COUNT_UNKEPT
};

enum { TABLE_ALARMS };

/* Timers by cookie; the last two are of no alarm (id 0). */
enum { TIMER_DELAY, TIMER_STALE, TIMER_OVERDUE, TIMER_FLOOD, TIMER_BUDGET };

/* Kinds of events that go out: one a state, and these. */
enum note {
    NOTE_CHATTERING = ALARM_STATES,
    NOTE_STALE,
    NOTE_OVERDUE,
    NOTE_DROPPED,
    NOTE_FLOOD,
    NOTE_FLOOD_OVER,
    NOTE_OVER_BUDGET,
    NOTE_WITHIN_BUDGET,
    NOTES
};

/* What follows from an alarm's id, asked once a run; by id. */
struct alarm_side {
    uint32_t definition; /* index + 1; SIDE_NONE: there is none; 0: not asked yet */
    uint32_t asset, tag; /* of its place; 0: none */
    uint32_t decided;    /* its entry among those with decisions + 1; 0: none */
};
#define SIDE_NONE UINT32_MAX

struct victim {
    uint32_t id;
    uint32_t rank;
    pl_time changed;
    uint64_t name; /* a hash, to decide between equals the same way in every run */
};
enum { VICTIMS = 256 };

struct alarms {
    struct pl_list definitions;
    int64_t max_alarms;
    pl_time max_shelve;
    int64_t flood_count, flood_end;
    pl_time flood_window;
    int64_t chattering_count;
    pl_time chattering_window;
    pl_time stale;
    double budget; /* a second */
    pl_time budget_window;

    struct pl_zone *zone; /* NULL: no data folder */
    struct alarm_side *side;
    uint32_t sides;
    struct decided **decided; /* alarms with decisions to be kept */
    uint32_t decided_count, decided_room;
    uint64_t stamp;       /* of the newest decision */
    pl_time wait_until;   /* the first event time at which a waiting decision is overdue */
    pl_time reached;      /* newest event time, of rows and the watermark */
    bool dirty;           /* something is to be kept, */
    bool unkept;          /* or could not be kept yet */
    struct pl_batch *out; /* being filled */
    struct pl_pack *body;
    uint32_t kind[NOTES];
    struct rate_watch flood, over_budget;
    struct victim victims[VICTIMS];
    uint32_t victim_count;
    pl_time latest;    /* how far event time has come, by events and watermarks; PL_TIME_MIN: nothing came yet */
    uv_timer_t timer;  /* the next end of a shelving */
    pl_time shelf_end; /* of the first shelving to end */
    unsigned quiet;    /* looks at the clock since the last batch */
    unsigned patience; /* how many of them say that none will come */
    bool timer_open;
    bool barren; /* nothing could be dropped, and nothing has changed since */
    bool flood_given, chattering_given;
};

extern const struct pl_option alarms_options[];
void alarms_check(void *self, struct pl_check *check);

/* ---- definitions.c ---- */

/* The first that fits, NULL when there is none. */
const struct definition *definition_find(const struct alarms *s, const char *name, size_t length, const char *place);
/* Of an alarm in the list; asked once. */
const struct definition *definition_of(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm);
enum alarm_priority definition_priority(const struct definition *definition); /* NULL: low */
uint64_t definitions_hash(const struct alarms *s);
/* How many alarms the budget leaves within its window. */
double budget_allows(const struct alarms *s);

/* ---- list.c ---- */

/* The place in an alarm's id. */
const char *alarm_place_of(const char *id, const struct alarm *alarm);
/* NULL without memory. */
struct alarm_side *list_side(struct alarms *s, struct pl_node *node, uint32_t id);

/* Only to be read. */
const struct alarm *list_find(struct pl_node *node, uint32_t id);
/* To be changed. */
struct alarm *list_get(struct pl_node *node, uint32_t id);
/* A new one; when the list is full the least important returned one makes room. NULL: none could. */
struct alarm *list_add(struct alarms *s, struct pl_node *node, uint32_t id);

/* Has it come and gone so often within the time that ends here? */
bool list_chatters(const struct alarms *s, const struct alarm *alarm, pl_time now);

void list_pack(const struct alarms *s, struct pl_node *node, struct pl_pack *pack);
bool list_unpack(struct alarms *s, struct pl_node *node, struct pl_unpack *unpack);

/* ---- incoming.c ---- */

/* One event of a batch, with all that follows from it. False without memory. */
bool incoming_take(struct alarms *s, struct pl_node *node, const struct pl_batch *batch, uint32_t row);

/* ---- step.c ---- */

struct step {
    struct alarms *s;
    struct pl_node *node;
    uint32_t id;
    struct alarm *alarm;
    pl_time time;
    enum alarm_state from;
};

struct step step_begin(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time time);
/* What has become of it: told, and kept where people have decided about it. `user` NULL: nobody did it. False without
 * memory. */
bool step_end(struct step *step, const char *user, const char *reason);

bool step_condition(struct alarms *s, struct pl_node *node, uint32_t id, pl_time time, bool condition);
bool step_delay_over(struct alarms *s, struct pl_node *node, uint32_t id, pl_time at);
/* What was due by `now`, though the watermark has not said so yet: how far that comes at once is left to chance. */
bool step_settle(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm, pl_time now);
bool step_notice(struct alarms *s, struct pl_node *node, uint32_t id, pl_time at, bool stale);
bool step_rates_settle(struct alarms *s, struct pl_node *node, pl_time now);
/* What hid it has ended (its flag is cleared already): the condition afresh. */
void step_refresh(struct step *step);

/* Timers of an alarm that came without them. */
void step_arm(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm);

/* ---- tell.c ---- */

bool tell_open(struct alarms *s, struct pl_node *node, struct pl_error **error);
void tell_close(struct alarms *s);
bool tell_alarm(struct alarms *s, struct pl_node *node, uint32_t id, const struct alarm *alarm, unsigned kind,
                enum alarm_state from, pl_time time);
bool tell_rate(struct alarms *s, struct pl_node *node, unsigned kind, const struct rate_watch *watch, pl_time time);

/* Everything told so far: what people decided is kept, then the events go into gold and out. False: the node has
 * failed. PL_OK in *kept (may be NULL) when all of it is kept. */
bool tell_flush(struct alarms *s, struct pl_node *node, enum pl_code *kept, struct pl_error **error);

uint64_t alarms_hash(uint64_t hash, const void *bytes, size_t size); /* FNV-1a, the same in every run */
#define ALARMS_HASH_START UINT64_C(0xcbf29ce484222325)

/* ---- commands.c, shelve.c, history.c ---- */

extern const struct pl_command alarms_commands[];

/* Behind a start it may take a while until the log is read again. */
enum { SHELVE_PATIENCE_FIRST = 10 };

/* Looks for the next end of a shelving; or one more is known. */
void shelve_schedule(struct alarms *s, struct pl_node *node);
void shelve_note(struct alarms *s, struct pl_node *node, pl_time until);
/* Events come that were taken in at this time (0: it is not known). False without memory. */
bool shelve_pass(struct alarms *s, struct pl_node *node, pl_time received);

/* Does the id fit what a person has written: the id itself, the id up to a '.', or a pattern? */
bool alarm_fits(const char *pattern, const char *id);

enum pl_code history_command(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error);
enum pl_code rate_command(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                          struct pl_error **error);

struct history_args {
    const char *alarm;
    pl_time from, to;
    int64_t last;
};
struct rate_args {
    pl_time over;
    const char *alarm;
};
extern const struct pl_option history_args[], rate_args[];

#endif
