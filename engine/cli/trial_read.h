/* trial_read.h: rows of a case that do not stand in its file: what a source reads, and what bronze has recorded. */
#ifndef POTLINE_CLI_TRIAL_READ_H
#define POTLINE_CLI_TRIAL_READ_H

#include "trial_feed.h"

/* Takes the batch. Its number; UINT32_MAX without memory. */
uint32_t pl__fed_add_batch(struct pl__fed *fed, struct pl_batch *batch);
bool pl__fed_add_row(struct pl__fed *fed, uint32_t feed, uint32_t batch, uint32_t row);
bool pl__fed_add_command(struct pl__fed *fed, uint32_t input); /* by its place among the case's inputs */
bool pl__fed_add_watermark(struct pl__fed *fed, uint32_t feed, pl_time time, bool idle); /* of `recorded` rows */

enum pl_code pl__trial_read_file(struct pl__fed *fed, const struct pl_trial_input *input, struct pl_error **error);
enum pl_code pl__trial_read_bronze(struct pl__fed *fed, const struct pl_trial_input *input, struct pl_error **error);

#endif
