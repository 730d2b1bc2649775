/* tickets.h: a node's maintenance tickets, and what its files share.
 *
 *     finding.c    an anomaly, as a detector's event tells it; how alike two of them are
 *     take.c       an anomaly joins the asset's ticket, or opens one, or is not sure enough
 *     tell.c       what becomes of tickets, as events and rows
 *     commands.c   what people do
 *     tickets.c    the operator
 *
 *     detect.began, detect.ended --> anomalies --sure enough--> [open] --> [assigned] --> [resolved]
 *                                                                  \____________\_____--> [false alarm]
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

enum { PARTS = 3, SIGNAL_SIZE = 64, TEXT_SIZE = 192, NAME_SIZE = 64, SIMILAR = 3 };

/* Which signal, without its asset, and how much it has to do with it (0 to 1). */
struct part {
    char signal[SIGNAL_SIZE];
    double share;
};

/* An anomaly of an asset. */
struct finding {
    pl_time start;
    pl_time end;  /* 0: it goes on */
    pl_time last; /* of what was told of it */
    double score; /* the highest told */
    uint32_t parts;
    uint32_t known; /* it is one */
    struct part part[PARTS];
    char detector[NAME_SIZE]; /* the node that told it */
    char explanation[TEXT_SIZE];
    char cause[TEXT_SIZE];
};

/* By asset and time. */
struct anomaly {
    struct finding finding;
    uint32_t ticket; /* its number; 0: none */
    uint32_t held;   /* not sure enough, by what people have said of its like */
};

/* By asset and number. */
struct ticket {
    pl_time opened, changed;
    uint32_t state; /* enum ticket_state */
    uint32_t anomalies;
    struct finding finding; /* the most surprising one */
    char assignee[NAME_SIZE];
    char user[NAME_SIZE]; /* who changed it last */
    char reason[TEXT_SIZE];
};

struct action {
    const char *signals;
    const char *action;
};

enum { TABLE_TICKETS, TABLE_ANOMALIES };
enum {
    COUNT_ANOMALIES,
    COUNT_OPENED,
    COUNT_JOINED,
    COUNT_UNSURE,
    COUNT_HELD,
    COUNT_RESOLVED,
    COUNT_FALSE_ALARMS,
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

/* False: the row is no anomaly of an asset. *asset is where it belongs. */
bool finding_read(struct pl_node *node, const struct pl_batch *batch, uint32_t row, uint32_t *asset,
                  struct finding *finding);

/* 0 to 1: the Bhattacharyya coefficient of what the signals have to do with them. */
double finding_likeness(const struct finding *a, const struct finding *b);

/* ---- take.c ---- */

/* False: the node has failed. */
bool take_event(struct tickets *t, struct pl_node *node, const struct pl_batch *batch, uint32_t row);

/* The score that an anomaly must reach to open a ticket: `confidence`, or what people have said of its like. */
double take_bar(const struct tickets *t, const struct pl_node *node, uint32_t asset, const struct finding *finding);

struct similar {
    uint32_t asset, number;
    double likeness;
    const struct ticket *ticket;
};

/* Closed tickets of any asset that are most alike, best first; how many. */
unsigned take_similar(struct pl_node *node, const struct finding *finding, struct similar found[SIMILAR]);

/* ---- tell.c ---- */

enum { TICKET_ID_MAX = PL_NAME_MAX + 16 };
void ticket_id(const struct pl_node *node, uint32_t asset, uint32_t number, char id[TICKET_ID_MAX]);

/* What to do: by the option `actions`, by the case that was most alike, or the detector's own guess. */
void ticket_action(const struct tickets *t, const struct similar *similar, unsigned count, const struct pl_node *node,
                   const struct finding *finding, char text[2 * TEXT_SIZE]);

/* An event of this kind. False: the node has failed. */
bool tell_ticket(struct tickets *t, struct pl_node *node, const char *kind, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, pl_time time);

/* Of one ticket: all there is to say of it, as pairs of a map of TICKET_PAIRS. */
enum { TICKET_PAIRS = 16 };
void pack_ticket(const struct tickets *t, struct pl_node *node, uint32_t asset, uint32_t number,
                 const struct ticket *ticket, struct pl_pack *pack);
void pack_parts(const struct pl_node *node, uint32_t asset, const struct finding *finding, struct pl_pack *pack);
void pack_time(struct pl_pack *pack, const char *key, pl_time time);

#endif
