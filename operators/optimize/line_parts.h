/* line_parts.h: the parts of a line's problem: its pots at a current, where the current may be, and the search
 * (line.c). */
#ifndef OPTIMIZE_LINE_PARTS_H
#define OPTIMIZE_LINE_PARTS_H

#include "line_curves.h"

enum { SEEN_MAX = 48 };

struct member {
    struct pot pot;
    double x[POT_VARIABLES]; /* of the newest solution: where the next one begins */
    double miss;             /* at the present current */
};

struct line {
    const struct line_setup *setup;
    struct line_input *input;
    struct line_result *result;
    struct pot_setup local, wide; /* one start, and as it was asked for */
    struct member *member;
    struct line_curves curves;
    double begun, until;
    struct {
        double current;
        double (*x)[POT_VARIABLES]; /* by pot */
    } seen[SEEN_MAX];               /* what pots came to: where they begin at a current near it */
    unsigned seens, next;
    bool at_large;  /* pots are searched from several starts */
    bool gives_way; /* pots' limits do, to the line's */
    struct {
        bool known;
        double ratio; /* the objective by tonne */
        struct line_node node;
        double (*x)[POT_VARIABLES]; /* by pot */
    } best; /* of the currents that could be set now, whatever the curves say: what there is at the deadline */
};

/* line_pots.c */
enum pl_code line_open(struct line *line, struct pl_error **error);
/* One pot at a line current, its answer in `x`. Returns how much of its limits it misses, and which of them most. */
double line_settle(struct line *line, struct member *member, double current, struct pot_row *most);
/* Adds what a pot makes and takes at its `x`. */
bool line_take(struct line *line, struct member *member, struct line_node *node);
/* Of what pots take: what all of the line do, and the rectifier's power. */
void line_whole(const struct line *line, struct line_node *node);
/* All pots at a current. False: some have no state there, or time is over. */
bool line_node_at(struct line *line, double current, struct line_node *node);
/* Keeps it, with its pots' `x`, where it is the best so far that could be set at once. */
void line_note(struct line *line, const struct line_node *node);
/* What the rectifier says of it: `rated`. */
void line_rate(const struct line *line, struct line_node *node);
struct line_active line_limit(const struct line *line, enum quantity of, bool high);

/* line_range.c: what may be set at once: within the contract, or as far toward it as one move goes. */
void line_reach(const struct line *line, bool one_move, double *low, double *high);
/* Nodes over all that the current may be, and where pots and rectifier keep, beside what gets in the way. */
bool line_range(struct line *line, struct line_active in_way[2]);

#endif
