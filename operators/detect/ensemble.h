/* ensemble.h: the members of detect: a signal judged by its own past, or the scores of another detector. */
#ifndef POTLINE_DETECT_ENSEMBLE_H
#define POTLINE_DETECT_ENSEMBLE_H

#include <potline/potline.h>

#include "chosen.h"
#include "combine.h"
#include "series.h"
#include "verdict.h"

enum { MEMBERS_MAX = 4096, MEMBER_SEGMENT = 8, MEMBER_HISTORY_LEAST = 384 };

enum member_kind { MEMBER_UNKNOWN, MEMBER_IGNORED, MEMBER_SIGNAL, MEMBER_SCORE };

/* The tags of an asset, by slot: an order that outlives a restart. */
struct members_of {
    uint32_t *tag;
    uint32_t count, room;
};

struct members {
    uint8_t *kind;         /* [tag] */
    uint32_t *asset;       /* [tag]: 0 not known yet */
    struct members_of *of; /* [asset] */
    uint32_t room;
};

struct ensemble {
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_strings scores;
    int64_t depth;
    double threshold;
    int64_t reach;
    int64_t hold;
    int64_t adapt;
    int64_t window;
    int64_t history;
    int64_t memory;

    struct verdicts verdicts;
    struct members members;
    struct heard heard;
    bool found; /* after a restore */
};

/* ---- Records ---- */

enum { TABLE_ASSETS, TABLE_SIGNALS, TABLE_SCORES };

/* Why a member is surprised; below: the number of a feature (series.h). */
enum { WHY_MEAN_CHANGED = 64, WHY_SPREAD_CHANGED, WHY_SCORE };

struct said {
    double seen, usual; /* what it is and was; of a change that is no alarm yet 0 */
    uint32_t why, below;
    uint32_t ago, reserved; /* rows behind a change */
};

/* In front of what is known of a tag. */
struct member {
    uint64_t frame;  /* of the asset, when it was last heard */
    double surprise; /* the newest, or an older one that has not faded yet */
    double peak;     /* when the asset's was greatest */
    struct said newest, at_peak;
    struct series_usual usual; /* of a signal, when the asset's last fault began */
    double score;              /* of a score: the last one */
    uint32_t parts;            /* of its name that are the asset */
    uint32_t slot;
    uint32_t involved; /* was it surprised when the asset's last fault began? */
    uint32_t reserved;
};

struct member_score {
    struct member member;
    struct calibration calibration;
};

/* What was told and goes on without an alarm (faults.h). */
struct lasting {
    struct episode episode; /* active: there is one */
    uint64_t until;         /* frame */
    uint64_t back;          /* frames in succession */
    double share;           /* of the lead */
    struct said said;
    struct series_usual usual;
    uint32_t lead; /* its place */
    uint32_t agree;
    uint32_t returning; /* frames in which it seemed to come back, and was not yet */
    uint32_t reserved;
};

enum { LASTING_MAX = 4 };

/* Of an asset. */
struct asset {
    pl_time time;    /* of the frame at hand */
    uint64_t frames; /* closed */
    uint64_t quiet;  /* frames since the last beyond the threshold */
    struct episode episode;
    uint64_t since; /* frames of the episode */
    uint64_t back;  /* of them the newest in which its lead was back */
    uint32_t lead;  /* its place, at the episode's peak */
    uint32_t open;
    uint32_t members;
    uint32_t signals;   /* of them */
    uint32_t agree;     /* members that were surprised, at the episode's peak */
    uint32_t returning; /* frames in which its lead seemed to come back, and was not yet */
    uint32_t rested;    /* it was, behind the peak */
    uint32_t reserved;
    struct lasting lasting[LASTING_MAX];
    struct combined combined;
};

/* NULL: it is not known. */
struct member *ensemble_member(struct ensemble *e, uint32_t tag);
/* How surprised a member is; one that has not been heard for long says nothing. */
double ensemble_counts(const struct ensemble *e, const struct asset *asset, const struct member *m);

size_t member_signal_size(const struct ensemble *e); /* struct member, struct series, struct change */

void member_take_signal(const struct ensemble *e, struct member *m, double value);
void member_take_score(const struct ensemble *e, struct member_score *m, const struct combine_rule *rule, double score);

/* Of what was said; in the unit of a signal. */
void said_explain(const struct said *said, const char *unit, char *text, size_t size);
const char *said_cause(const struct said *said);
const char *said_looked_at(const struct said *said);
int said_side(const struct said *said); /* 1 higher or more, -1 lower or less, 0 neither */
enum series_family said_family(const struct said *said);

/* How a signal is before a fault, as far as it is known. */
struct series_usual member_usual(const struct member *m, bool score);
/* Is it as it was before what was said of it? */
bool member_is_back(const struct member *m, const struct said *said, const struct series_usual *usual);
/* Does what it says now speak of its way back? */
bool member_returns(const struct member *m, const struct said *said, const struct series_usual *usual);
/* Does what it says now speak of what was said before, and no more than that? */
bool member_stays(const struct member *m, const struct said *said, const struct series_usual *usual);
/* Does it move as much as it usually does, or less? */
bool member_is_steady(const struct member *m, const struct series_usual *usual);

/* ---- Which there are ---- */

bool members_prepare(struct members *m, struct pl_tags *tags); /* false without memory */
void members_fini(struct members *m);

/* Whether a tag is looked at; from then on members_kind says as what. */
bool members_ask(struct ensemble *e, struct pl_tags *tags, uint32_t tag);

static inline enum member_kind members_kind(const struct members *m, uint32_t tag) {
    return (enum member_kind)m->kind[tag];
}
static inline uint32_t members_asset(const struct members *m, uint32_t tag) {
    return m->asset[tag];
}
static inline const struct members_of *members_of(const struct members *m, uint32_t asset) {
    return &m->of[asset];
}

/* How many parts of a tag's name are its asset, and the asset of so many; PL_NO_ID when there is no room for names. */
uint32_t members_parts(struct pl_tags *tags, uint32_t tag, bool score, uint32_t depth,
                       bool (*has_signals)(void *self, uint32_t asset), void *self);
uint32_t members_prefix(struct pl_tags *tags, uint32_t tag, uint32_t parts);

/* Notes a member; false without memory. */
bool members_put(struct members *m, uint32_t asset, uint32_t tag, uint32_t slot, bool score);

/* What a member speaks of: a signal itself, and of a score its subject. */
uint32_t members_about(const struct members *m, struct pl_tags *tags, uint32_t tag);

#endif
