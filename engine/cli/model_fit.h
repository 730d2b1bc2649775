/* model_fit.h: a calibration between what asks for it (model_fit.c) and what tells of it (model_fit_tell.c,
 * model_fit_plot.c). */
#ifndef POTLINE_CLI_MODEL_FIT_H
#define POTLINE_CLI_MODEL_FIT_H

#include "model.h"

struct calibration {
    const struct pl_cli *cli;
    const struct pl_model *model;
    struct pl_fit fit;
    struct pl_fit_file file[PL_FIT_FILES_MAX];
    char *path[PL_FIT_FILES_MAX];
    json_t *figures;                 /* of the curves */
    unsigned missed, missed_judging; /* figures beyond their limit: of all files, and of those that judge */
    time_t told;                     /* how far it is */
};

const char *pl__model_fit_name(const char *path); /* without its folder */

/* Takes one figure of a curve: `context` is the calibration. */
void pl__model_fit_tell(void *context, const struct pl_model_finding *finding);

/* Whether all that judges meets the target. */
bool pl__model_fit_good(const struct calibration *c);

bool pl__model_fit_plot(const struct calibration *c); /* as it was asked for; false after saying why not */

void pl__model_fit_text(const struct calibration *c);
int pl__model_fit_json(struct calibration *c, bool good); /* the exit code of printing */

#endif
