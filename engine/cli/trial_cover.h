/* trial_cover.h: which nodes and which rules the cases have made run, by graph. */
#ifndef POTLINE_CLI_TRIAL_COVER_H
#define POTLINE_CLI_TRIAL_COVER_H

#include <jansson.h>

#include "trial_run.h"

struct pl__cover;

struct pl__cover *pl__cover_new(void);        /* NULL without memory */
void pl__cover_free(struct pl__cover *cover); /* NULL is fine */

/* Adds what a case has run. False without memory. */
bool pl__cover_add(struct pl__cover *cover, const struct pl_trial_file *file, const struct pl_trial_case *of,
                   const struct pl__trial_result *result);

void pl__cover_print(const struct pl__cover *cover, FILE *out);
json_t *pl__cover_json(const struct pl__cover *cover);

#endif
