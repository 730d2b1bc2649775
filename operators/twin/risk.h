/* risk.h: is an anode effect coming? From the alumina there is, how it changes, and how exactly both are known.
 *
 * In `lead` seconds the alumina will be what it is now, and what is fed and dissolves less what is used; the risk is
 * how probable it is that this is less than an anode effect wants. What is fed is what was counted over the last hour,
 * since a control that feeds less now will feed more again, or over the last minutes where that is more, since one that
 * feeds more has seen why; times the share of it that arrives now, since feeders that are blocked stay so. How little
 * alumina a cell bears differs from cell to cell, but not from hour to hour: it bears what it has borne. The risk is
 * told when it has been above `raise` for some steps, once, until it has fallen below `clear` or an effect has come.
 *
 * A control that sees alumina fall feeds its most, and that is as much as it has fed lately. It is given `answer`
 * seconds for that while a risk would be told without it, unless less than that is left; then, and where somebody at
 * the cell has it feed evenly (`held`), only what it feeds counts. Where the last minutes are far below the hour or
 * what is used, below any lean feeding, the feed is off: then only they count.
 */
#ifndef TWIN_RISK_H
#define TWIN_RISK_H

#include <stdbool.h>
#include <stdint.h>

struct risk_setup {
    double lead;            /* s */
    double raise, clear;    /* probabilities */
    double alumina, spread; /* wt% at which an effect begins, and how much that differs from cell to cell */
    double patience;        /* steps in a row */
    double feed_spread;     /* of what is used: how far the feed of the next `lead` is off what is expected */
    double feed_memory;     /* s: how long it is remembered what was fed at most */
    double answer;          /* s that a control may take to feed that again; 0: it is not expected to */
};

/* Kept. */
struct risk {
    double feed;        /* kg/s that is counted, smoothed over an hour */
    double recent;      /* the same over some minutes */
    double most;        /* the most that this was lately */
    double unanswered;  /* s in which a risk would be told by what is fed now, less those since in which not */
    double stood;       /* wt% at the usual density that it has had lately without an effect */
    double since;       /* s of the model, when it was raised */
    double slope;       /* V/s of the voltage at the nominal current, smoothed */
    double level, slow; /* V: two running means that it is from */
    uint32_t above;     /* steps in a row */
    uint32_t raised;
};

struct risk_input {
    double t, seconds;
    double feed, share;             /* kg/s as it is counted; of that, what arrives */
    double used;                    /* kg/s */
    double alumina, mass;           /* wt%, kg of bath */
    double undissolved, dissolving; /* kg, 1/s */
    double at_once;
    double deviation, share_deviation; /* wt% of the alumina; of the share */
    double voltage;                    /* V measured, at the nominal current; NaN: none */
    double density;                    /* of the current at the anodes, by the usual one */
    bool effect;
    bool settled; /* the last effect is long enough ago */
    bool held;    /* somebody is or has been at the cell: its control feeds evenly */
};

struct risk_outlook {
    double probability;
    double minutes;       /* until it would come, at most RISK_FAR */
    double rate;          /* wt% an hour */
    bool raised, cleared; /* in this step */
};

enum { RISK_FAR = 720 };

void risk_begin(struct risk *risk, double feed);
struct risk_outlook risk_step(struct risk *risk, const struct risk_setup *setup, const struct risk_input *in);

#endif
