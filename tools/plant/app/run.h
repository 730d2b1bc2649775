/* run.h: the plant with its field and its journal, driven by the clock that was asked for. */
#ifndef PLANT_RUN_H
#define PLANT_RUN_H

#include "options.h"

/* Runs until --for has passed or a signal has come; returns the exit status. Messages go to standard error. */
int plant_run(struct plant_cli *cli);

#endif
