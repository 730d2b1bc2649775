/* guard.h: what the files of `guard` share.
 *
 *     set points --> override? mode? lease? generation? limits? interlocks? rate? --> let pass, or refused, and why
 *     samples    --> what interlocks and rates look at
 *
 *     guard.c      life cycle, rows in, the clock      decide.c      one set point: all the questions, in order
 *     options.c    options and what they say together  points.c      what is known of a set point's tag
 *     live.c       newest samples                      interlock.c   conditions over them
 *     leases.c     what passed and is not renewed      modes.c       manual, advise, approve, auto
 *     overrides.c  nothing passes                      keep.c        what survives the process
 *     scopes.c     what people may name                tell.c        events, rows out, the audit
 *     standing.c   a plant's clock that stands still
 *     commands.c, override_commands.c
 *
 * Nothing here is part of an epoch: what was let pass and what people have decided is never rolled back, so it is kept
 * (potline/kept.h) before it takes effect outside. What is in doubt is refused.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <potline/potline.h>
#include <uv.h>

enum {
    REASON_MAX = 160,
    WISH_REASON_MAX = 800 /* an optimiser's */,
    INPUTS_MAX = 160,
    ORIGINS_MAX = 64,
    SCOPES_MAX = 1000,
    FILE_MAX = 1 << 16,
    PORT_OUT = 0,
    PORT_EVENTS = 1,
    SIGNALS_MAX = PL_EXPR_VARIABLES_MAX,
};

enum mode { MODE_MANUAL, MODE_ADVISE, MODE_APPROVE, MODE_AUTO, MODES };
extern const char *const mode_names[MODES + 1];

enum beyond { BEYOND_REFUSE, BEYOND_CLAMP };
enum loss { LOSS_HOLD, LOSS_BASELINE, LOSS_SHED };

/* A row of the option `limits`; the first that fits a tag holds. */
struct limit {
    const char *tags;
    double low, high;
    double rate; /* a second; 0: any */
    double step; /* in one set point; 0: any */
    uint32_t on_limit, on_rate;
    double baseline; /* NaN: none */
    uint32_t on_loss;
};

/* A row of the option `interlocks`. */
struct interlock {
    const char *name, *tags, *when;
};

/* A signal that an interlock names. */
struct signal {
    enum { OF_ASSET, OF_LINE, OF_PLANT } of;
    const char *text; /* behind the asset or the line; the whole tag; not ended */
    uint8_t length;
};

struct condition {
    const struct interlock *row;
    struct pl_expr *expr;
    struct signal signal[SIGNALS_MAX];
    unsigned signals;
    bool moves; /* it looks at what stands there */
};

struct live {
    double value;
    pl_time time;
    pl_time taken;     /* by the machine's clock */
    uint64_t sequence; /* its place in the log, of this partition */
    uint32_t tag;
    uint16_t partition;
    uint16_t quality;
    bool overrides; /* not 0: an override of its asset */
    bool on;        /* it is not 0 now */
};

/* A set point as it came, or as it waits for approval. */
struct wish {
    pl_time time, expiry;
    pl_time taken; /* by the machine's clock: since when it waits; as a lease: when it passed */
    uint64_t id, token;
    uint32_t origin;
    uint32_t model; /* that led to it; 0: none was said */
    double value, lower, upper;
    uint64_t sequence; /* its place in the log, of this partition */
    uint16_t partition;
    bool logged; /* it has one: it is not the guard's own */
    char reason[WISH_REASON_MAX];
};

struct point {
    uint32_t tag, asset;
    const struct limit *limit;
    double sent; /* the last value that passed; NaN: none, or nothing that holds any more */
    pl_time sent_at;
    bool leased;
    struct wish lease; /* what passed last */
    bool waits;        /* for approval */
    struct wish wish;  /* or what is advised: where it is to come to, whatever one step may be */
    double approved;   /* where it may come to, step by step; NaN: nothing */
    double advised;    /* last told as advice; NaN: nothing */
    bool returning;    /* to its baseline */
    bool alone;        /* that goes by the machine's clock, too */
    bool shed;         /* there is no pulse until a set point passes again */
    pl_time returned;  /* last step of that */
    const char *why;   /* of the last refusal, a constant; NULL: it passed */
};

struct origin {
    uint32_t name;
    uint64_t token; /* the highest seen */
};

struct scope_mode {
    char *scope; /* "ALL", a line, an asset, a tag */
    enum mode mode;
};

struct override {
    char *scope;
    char user[64], reason[REASON_MAX];
    pl_time since;
    bool kept; /* it survives the process */
};

struct guard {
    struct pl_list limits, interlocks;
    uint32_t mode, after_restart; /* enum mode */
    pl_time fresh, lease_max, pulse;
    int64_t max_points;
    const char *override_file;
    struct pl_strings override_signals;

    struct pl_node *node;
    uv_timer_t timer;
    pl_time pulsed;
    struct condition *conditions;
    struct point *points;
    uint32_t *point_of; /* [tag id]: 0 not looked for, 1 none, else index + 2 */
    struct live *lives;
    uint32_t *live_of; /* the same */
    struct scope_mode *modes;
    struct override *overrides;
    char *file; /* room for the text of the override file */
    struct pl_pack *body;
    uint64_t steps; /* of returns, for their ids */
    struct origin origins[ORIGINS_MAX];
    uint32_t condition_count, point_count, point_room, live_count, live_space, live_room;
    unsigned origin_count, mode_count, override_count, ticks;
    unsigned shed; /* points that are */
    uint32_t own;  /* the node's name, as an origin */
    uint32_t pulse_tag;
    bool timer_open;
    bool plant; /* its clock is a simulated plant's */
    pl_time opened;
    bool lowered; /* modes, by this restart */
    bool failed;  /* there was no memory */
};

enum count {
    COUNT_PASSED,
    COUNT_REFUSED,
    COUNT_CLAMPED,
    COUNT_ADVISED,
    COUNT_WAITING,
    COUNT_LAPSED,
    COUNT_TRIPPED,
    COUNT_RETURNS,
    COUNT_OVERRIDES,
    COUNT_SAMPLES,
};

/* ---- options.c ---- */
extern const struct pl_option guard_options[];
void guard_check(void *self, struct pl_check *check);

/* ---- points.c ---- */
/* Of a tag that limits are known for; NULL: none are, or there is no room. Pointers are good for the node's life. */
struct point *point_get(struct guard *s, uint32_t tag);
const struct limit *limit_of(const struct guard *s, const char *name); /* NULL: there is none */
const char *point_name(const struct guard *s, const struct point *point);
/* In `map`, of an id: 0 when nothing is known; false without memory. */
uint32_t map_get(const uint32_t *map, uint32_t room, uint32_t id);
bool map_set(uint32_t **map, uint32_t *room, uint32_t id, uint32_t value);

/* ---- scopes.c ---- */
/* What people have written for one: "ALL" for ALL in any case; NULL with an error: it is none. */
const char *scope_read(const char *text, struct pl_error **error);
/* `scope` is ALL, the name itself, or what stands in front of one of its dots. */
bool scope_covers(const char *scope, const char *name);
/* PL_NOT_FOUND: no tag of a set point that there could be here is of it; a slip of the pen, probably. */
enum pl_code scope_known(const struct guard *s, const char *scope, struct pl_error **error);

/* ---- live.c ---- */
void live_take(struct guard *s, const struct pl_batch *batch);
/* Looked at from now on; NULL without memory. */
const struct live *live_watch(struct guard *s, uint32_t tag);
bool live_is_good(const struct guard *s, const struct live *live, pl_time now); /* fresh, not bad, a number */
bool live_overrides(const struct guard *s, const char *scope);                  /* a signal of it, or above it, is on */

/* ---- interlock.c ---- */
/* The program of a row; PL_OK leaves names found in `condition`. */
enum pl_code interlock_compile(const struct interlock *row, struct condition *condition, struct pl_error **error);
bool interlock_names(const struct guard *s, const char *name); /* one of them may look at a signal of this name */
bool interlock_in_doubt(const char *why); /* not false: nothing is known that it could be judged by */
/* All that are about the tag hold. Else which (*name) and why: a constant. */
const char *interlock_holds(struct guard *s, const struct point *point, double value, pl_time now, const char **name);
/* Where in the log the live rows stand that a set point is judged by: "bath_temp 0:381, ...". */
void interlock_inputs(struct guard *s, const struct point *point, char *text, size_t size);

/* ---- decide.c ---- */
void decide(struct guard *s, uint32_t tag, const struct wish *wish, pl_time clock);
/* Why `wish` may not pass, a constant; NULL: it may, as *value. `by_hand`: whatever the mode. */
const char *decide_why(struct guard *s, struct point *point, const struct wish *wish, pl_time now, double *value,
                       const char **detail);
/* Lets it pass; false with why when that could not be kept. */
bool decide_pass(struct guard *s, struct point *point, const struct wish *wish, double value, pl_time now);
/* How far the value may go from what stands there: *from; NaN: that is not known. */
double decide_move(struct guard *s, const struct point *point, pl_time now, double *from);

/* ---- standing.c ---- */
pl_time machine_now(void); /* monotonic */
/* What holds since then (machine_now) has held long enough, whatever the plant's clock says. */
bool is_overdue(const struct guard *s, pl_time since);

/* ---- leases.c ---- */
void leases_tick(struct guard *s, pl_time now);
/* What has to end or to go on although the plant's clock stands still. */
void leases_alone(struct guard *s, pl_time now);
/* The lease is over, for a reason that people have: nothing returns to a baseline. */
void lease_drop(struct guard *s, struct point *point);
void leases_drop(struct guard *s, const char *scope); /* and forgets what stood there */

/* ---- modes.c ---- */
enum mode mode_of(const struct guard *s, const char *name);
enum pl_code mode_set(struct guard *s, const char *scope, enum mode mode, struct pl_error **error);
bool mode_load(struct guard *s, const char *scope, enum mode mode);

/* ---- overrides.c ---- */
const struct override *override_of(const struct guard *s, const char *name); /* NULL: none */
/* Takes effect before it returns; then it is kept. */
enum pl_code override_engage(struct guard *s, const char *scope, const char *user, const char *reason,
                             struct pl_error **error);
enum pl_code override_release(struct guard *s, const char *scope, struct pl_error **error);
/* The same, as the file or a switch says: nobody waits for an answer. */
void override_engage_unasked(struct guard *s, const char *scope, const char *user, const char *reason);
bool override_load(struct guard *s, const char *scope, const struct override *from);
void override_look(struct guard *s); /* at the file */
bool override_file_says(const struct guard *s, const char *scope);

/* ---- keep.c ---- */
enum pl_code keep_load(struct guard *s, struct pl_error **error);
enum pl_code keep_mode(struct guard *s, const char *scope, enum mode mode, struct pl_error **error);
enum pl_code keep_drop(struct guard *s, char what, const char *name, struct pl_error **error);
enum pl_code keep_override(struct guard *s, struct override *o, struct pl_error **error);
bool keep_point(struct guard *s, const struct point *point);
bool keep_token(struct guard *s, const struct origin *origin);

/* ---- tell.c ---- */
void tell_refused(struct guard *s, uint32_t tag, const struct wish *wish, const char *why, const char *detail);
void tell_wish(struct guard *s, const char *kind, uint16_t severity, const struct point *point, const struct wish *wish,
               pl_time time, const char *why, const char *detail);
void tell_scope(struct guard *s, const char *kind, uint16_t severity, const char *scope, const char *user,
                const char *reason);
void tell_row(struct guard *s, const struct point *point, const struct wish *wish, double value, pl_time expiry);
void tell_withdraw(struct guard *s, const struct point *point);
void tell_pulse(struct guard *s, pl_time now);
void tell_note(struct guard *s, const char *action, const char *object, const char *from, const char *to,
               const char *reason);

/* ---- commands.c, override_commands.c ---- */
extern const struct pl_command guard_commands[];

struct override_args {
    const char *scope, *reason;
    bool anyway;
};
extern const struct pl_option override_args[], release_args[];

typedef enum pl_code guard_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error);
guard_run override_engage_run, override_release_run, override_list_run;

#endif
