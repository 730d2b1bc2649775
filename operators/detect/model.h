/* model.h: a forecaster as it lies in a file, and the versions of it in a folder.
 *
 *     FOLDER/1.safetensors, 2.safetensors, ...     what `potline train` made, each with where it comes from
 *     FOLDER/training.safetensors                  a training that was interrupted (train.c)
 *
 * Tensors have the names that PyTorch's state_dict gives them: PREFIX.weight_ih_l0, PREFIX.weight_hh_l0,
 * PREFIX.bias_ih_l0, PREFIX.bias_hh_l0 and so on for each layer of an LSTM or GRU, and ANY.weight, ANY.bias of the
 * linear layer that makes a forecast of its hidden state. Whether it is LSTM or GRU, and how large, follows from their
 * shapes. Besides, each [signals] and each of them optional:
 *
 *     input_mean, input_scale     what is taken away from a signal, and what the rest is divided by (0 and 1)
 *     error_scale                 how far forecasts usually are off, in input_scale (1)
 *     tail                        [3][TAIL_NUMBERS]: how large the statistics were on rows that were kept back
 *     drift                       [signals + 1][DRIFT_NUMBERS]: how each signal lay, and behind them the first
 * statistic
 *
 * and in the metadata `inputs`: the signals' names without their asset, a line each.
 */
#ifndef POTLINE_DETECT_MODEL_H
#define POTLINE_DETECT_MODEL_H

#include "drift.h"
#include "network.h"
#include "tail.h"
#include "tensors.h"

enum { MODEL_STATISTICS = 3, TAIL_NUMBERS = 3 + TAIL_KEPT, MODEL_NOTES_MAX = 24 };

struct model {
    struct network network;
    char **input; /* [signals] */
    double *mean, *scale, *error;
    struct tail tail[MODEL_STATISTICS]; /* empty where the file has none */
    struct drift_usual *usual;          /* [signals + 1], the last one the score's; NULL where the file has none */
    struct tensor_note note[MODEL_NOTES_MAX];
    unsigned notes;
};

/* `inputs` are the names of the signals where the file tells none; may be empty. Whatever it returns, model_free. */
enum pl_code model_read(const char *path, const struct pl_strings *inputs, struct model *model,
                        struct pl_error **error);
enum pl_code model_write(const char *path, const struct model *model, struct pl_error **error);
void model_free(struct model *model);

/* Arrays for a network of this shape, all scales 1. False without memory. */
bool model_make(struct model *model, const struct network_shape *shape);
const char *model_note(const struct model *model, const char *key); /* "" where there is none */
/* On the rows that judged it, as far as it says so. */
bool model_forecasts_worse(const struct model *model);
bool model_set_note(struct model *model, const char *key, const char *text);

/* ---- Versions ---- */

bool model_is_file(const char *path); /* one file, not a folder of versions */

/* The file of a version; false when the name is too long. */
bool model_version_path(const char *folder, uint32_t version, char *path, size_t size);

/* All there are, ascending; *versions is the caller's (pl_free). PL_NOT_FOUND: there is no such folder. */
enum pl_code model_versions(const char *folder, uint32_t **versions, unsigned *count, struct pl_error **error);

#endif
