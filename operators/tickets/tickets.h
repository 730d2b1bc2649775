/* tickets.h: a node's maintenance tickets, and what its files share.
 *
 *     finding.c    an anomaly, as a detector's event tells it; how alike two of them are
 *     bar.c        how sure an anomaly must be, by what people have said of its like
 *     basis.c      what a ticket rests on: its anomalies
 *     take.c       an anomaly joins the asset's ticket, or opens one, or is not sure enough
 *     tell.c       what becomes of tickets, as events and rows
 *     commands.c   what people do
 *     tickets.c    the operator
 *
 *     detect.began, .grew, .ended --> anomalies --sure enough--> [open] --> [assigned] --> [resolved]
 *                                                                   ^ \____________\_____--> [false alarm]
 *                                                                   '------- reopen -----------'
 *
 * All of it is in the node's tables, and people's commands act at a barrier (PL_COMMAND_STATE): nothing that was
 * answered is taken back by a death of the process.
 */
#ifndef POTLINE_TICKETS_H
#define POTLINE_TICKETS_H

#include <potline/potline.h>
#include <string.h>

enum ticket_state { TICKET_OPEN, TICKET_ASSIGNED, TICKET_RESOLVED, TICKET_FALSE_ALARM, TICKET_STATES };
extern const char *const ticket_state_names[TICKET_STATES + 1];

enum { PARTS = 3, SIGNAL_SIZE = 64, TEXT_SIZE = 192, NAME_SIZE = 64, WHAT_SIZE = 48, SIMILAR = 3, BASIS_MAX = 8 };

/* Which signal, without its asset, and how much it has to do with it (0 to 1). */
struct part {
    char signal[SIGNAL_SIZE];
    double share;
};

/* How its detector has ended it (operators/detect/verdict.h); LASTS: it goes on, without an alarm. */
enum finding_how { HOW_NOT, HOW_BACK, HOW_LASTS, HOW_REPLACED, HOW_OPEN, HOWS };
extern const char *const finding_how_names[HOWS];

/* What people have said of it alone, and not of all of its ticket. Any other number, of a record of before: nothing. */
enum finding_verdict { VERDICT_NONE, VERDICT_REAL, VERDICT_FALSE };

/* An anomaly of an asset. */
struct finding {
    pl_time start;
    pl_time end;      /* 0: it goes on */
    pl_time last;     /* of what was told of it */
    double score;     /* the highest told */
    double surprise;  /* the highest told: -log10 of how likely it is; of an event without it, in thresholds */
    double threshold; /* surprise that is an alarm, as it was then */
    double size;      /* surprise without the limit of what the detector can say; 0: not told */
    double reason;    /* the score when what follows was told */
    uint64_t event;   /* the id of the first event about it */
    uint64_t subject; /* a hash of the name of the tag that it is about */
    int16_t side;     /* 1 higher, -1 lower, 0 neither */
    uint16_t verdict; /* these four lie where two of 32 bits did, so that older records can be read */
    uint16_t parts;
    uint16_t how;
    struct part part[PARTS];
    char detector[NAME_SIZE]; /* the node that told it */
    char what[WHAT_SIZE];     /* was looked at */
    char explanation[TEXT_SIZE];
    char cause[TEXT_SIZE];
};

/* By asset and time. */
struct anomaly {
    struct finding finding;
    uint32_t ticket; /* its number; 0: none */
    uint32_t held;   /* not sure enough, by what people have said of its like */
};

/* By asset and number. What it rests on is in TABLE_BASIS, by number and place. */
struct ticket {
    pl_time opened, changed;
    uint32_t state;     /* enum ticket_state */
    uint32_t anomalies; /* that have opened or joined it */
    uint32_t listed;    /* places of TABLE_BASIS, at most BASIS_MAX */
    uint32_t told;      /* which twentieth of a score its most surprising one had, when that was told */
    char assignee[NAME_SIZE];
    char user[NAME_SIZE]; /* who changed it last */
    char reason[TEXT_SIZE];
};

struct action {
    const char *signals;
    const char *action;
};

enum { TABLE_TICKETS, TABLE_ANOMALIES, TABLE_BASIS };
enum {
    COUNT_ANOMALIES,
    COUNT_OPENED,
    COUNT_JOINED,
    COUNT_GREW,
    COUNT_UNSURE,
    COUNT_HELD,
    COUNT_RESOLVED,
    COUNT_FALSE_ALARMS,
    COUNT_REOPENED,
    COUNT_IGNORED,
    COUNT_DROPPED,
    COUNT_REFUSED
};

struct tickets {
    double confidence;
    int64_t max_tickets, cases, recent;
    struct pl_list actions;

    struct pl_pack *body;
};

extern const struct pl_command tickets_commands[];

/* As much of a text as there is room for. */
static inline void put_text(char *to, size_t size, const char *text) {
    pl_text_copy(to, size, text, strlen(text));
}

/* ---- finding.c ---- */

enum finding_news { FINDING_BEGAN, FINDING_GREW, FINDING_ENDED };

/* False: the row is no anomaly of an asset. *asset is where it belongs. */
bool finding_read(struct pl_node *node, const struct pl_batch *batch, uint32_t row, uint32_t *asset,
                  struct finding *finding, enum finding_news *news);

/* Takes what a later event tells of the same anomaly. */
void finding_follow(struct finding *known, const struct finding *later, enum finding_news news);

bool finding_same(const struct finding *a, const struct finding *b); /* one anomaly */

/* 0 to 1: the Bhattacharyya coefficient of what the signals have to do with them; less where another thing was looked
 * at, and 0 where one is higher and the other lower. */
double finding_likeness(const struct finding *a, const struct finding *b);

/* They would be said in the same words: of one detector, nearly the same signals, the same side of the same thing. */
bool finding_like(const struct finding *a, const struct finding *b);

/* a is more than b by so much that it is another case: where the detector can say no more, by a quarter in size. Where
 * neither surprise nor size can tell them apart, it may be. */
bool finding_more(const struct finding *a, const struct finding *b);

static inline bool finding_refuted(const struct finding *finding) {
    return finding->verdict == VERDICT_FALSE;
}

static inline bool ticket_closed(const struct ticket *ticket) {
    return ticket->state == TICKET_RESOLVED || ticket->state == TICKET_FALSE_ALARM;
}

/* ---- bar.c ---- */

/* What an anomaly must reach to open a ticket. */
struct bar {
    double score; /* `confidence`, or what its like had; never more than its detector can say with its threshold now */
    double size;  /* beyond that; 0: none is asked for */
    bool held;    /* by what people have said of its like it is not enough, however sure */
};
struct bar bar_of(const struct tickets *t, struct pl_node *node, uint32_t asset, const struct finding *finding);

/* ---- basis.c ---- */

/* NULL past the last one. */
const struct finding *basis_at(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                               uint32_t place);

/* The place of the most surprising one, which leads what is said; of those that are no false alarm, where there are
 * any. */
uint32_t basis_lead(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket);

enum basis_news { BASIS_KNOWN, BASIS_AGAIN, BASIS_NEW };

/* An anomaly that opens or joins a ticket, or what has become of one that did: AGAIN if its like is there. Past
 * BASIS_MAX one whose like is there goes first, then the least surprising one. */
enum basis_news basis_take(struct pl_node *node, uint32_t asset, uint32_t number, struct ticket *ticket,
                           const struct finding *finding);

/* What people have judged stays as it was when they did; only its end is still noted. True: the anomaly has become more
 * than that. */
bool basis_outgrown(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket,
                    const struct finding *finding);

/* What people say of one, by the id of its first event, or (0) of all. False: there is none. */
bool basis_judge(struct pl_node *node, uint32_t asset, uint32_t number, const struct ticket *ticket, uint64_t event,
                 enum finding_verdict verdict);

/* With all that it rests on. */
void basis_drop(struct pl_node *node, uint32_t asset, uint32_t number);

/* ---- take.c ---- */

/* False: the node has failed. */
bool take_event(struct tickets *t, struct pl_node *node, const struct pl_batch *batch, uint32_t row);

/* ---- tell.c ---- */

struct similar {
    uint32_t asset, number;
    double likeness;
    const struct ticket *ticket;
};

/* Other tickets, closed, of any asset, that are most alike, best first; how many. */
unsigned tell_similar(struct pl_node *node, uint32_t asset, uint32_t number, const struct finding *finding,
                      struct similar found[SIMILAR]);

enum { TICKET_ID_MAX = PL_NAME_MAX + 16 };
void ticket_id(const struct pl_node *node, uint32_t asset, uint32_t number, char id[TICKET_ID_MAX]);

/* What to do: by the option `actions`, by the case that was most alike, or the detector's own guess. */
void ticket_action(const struct tickets *t, const struct similar *similar, unsigned count, const struct pl_node *node,
                   const struct finding *finding, char text[2 * TEXT_SIZE]);

/* An event ticket.CHANGE. False: the node has failed. */
bool tell_ticket(struct tickets *t, struct pl_node *node, const char *change, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, pl_time time);

/* Of one ticket: all there is to say of it, with what has just changed, as pairs of a map of TICKET_PAIRS. */
enum { TICKET_PAIRS = 22 };
void pack_ticket(const struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, const char *change, struct pl_pack *pack);
const char *side_name(const struct finding *finding);
void pack_how(struct pl_pack *pack, const struct finding *finding);
void pack_event(struct pl_pack *pack, uint64_t id); /* two pairs */
void pack_parts(const struct pl_node *node, uint32_t asset, const struct finding *finding, struct pl_pack *pack);
void pack_time(struct pl_pack *pack, const char *key, pl_time time);

#endif
