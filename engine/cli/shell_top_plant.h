/* shell_top_plant.h: the plant's part of `top`. */
#ifndef POTLINE_CLI_SHELL_TOP_PLANT_H
#define POTLINE_CLI_SHELL_TOP_PLANT_H

#include "shell.h"

enum { PL_TOP_URGENT = 3, PL_TOP_LINE = 320 };

struct pl_top_plant {
    bool alarms;        /* there is a list of alarms */
    unsigned attention; /* those that want somebody */
    char urgent[PL_TOP_URGENT][PL_TOP_LINE];
    unsigned urgents;
    char figures[PL_TOP_LINE]; /* of the plant, today so far, targets in brackets; "": there are none */
};

/* Asks the engine; what it does not have is left out. */
void pl_top_plant_see(struct pl_shell *shell, struct pl_top_plant *plant);

#endif
