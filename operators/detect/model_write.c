/* model_write.c: a model into its file; which files of a folder are versions. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const char ending[] = ".safetensors";

/* ---- Writing ---- */

enum { OUT_MAX = 4 * NETWORK_LAYERS_MAX + 7 };

struct writing {
    const struct model *model;
    char name[OUT_MAX][32];
    struct tensor_out out[OUT_MAX];
    unsigned count;
    double *turned; /* matrices as PyTorch has them, one behind the other */
    size_t used;
};

static void put(struct writing *w, const char *name, unsigned layer, uint32_t rows, uint32_t columns,
                const double *from) {
    struct tensor_out *out = &w->out[w->count];
    if (layer < NETWORK_LAYERS_MAX)
        snprintf(w->name[w->count], sizeof w->name[0], "rnn.%s_l%u", name, layer);
    else
        snprintf(w->name[w->count], sizeof w->name[0], "%s", name);
    *out = (struct tensor_out){.name = w->name[w->count],
                               .wide = layer > NETWORK_LAYERS_MAX,
                               .dimensions = columns ? 2 : 1,
                               .extent = {rows, columns},
                               .value = from};
    w->count++;
    if (!columns || layer > NETWORK_LAYERS_MAX) return;
    out->value = w->turned + w->used;
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < columns; j++)
            w->turned[w->used++] = from[(size_t)j * rows + i];
}

static void put_network(struct writing *w) {
    const struct network *n = &w->model->network;
    for (uint32_t l = 0; l < n->shape.layers; l++) {
        put(w, "weight_ih", l, n->rows, n->layer[l].inputs, n->layer[l].input);
        put(w, "weight_hh", l, n->rows, n->shape.units, n->layer[l].hidden);
        put(w, "bias_ih", l, n->rows, 0, n->layer[l].input_bias);
        put(w, "bias_hh", l, n->rows, 0, n->layer[l].hidden_bias);
    }
    put(w, "head.weight", NETWORK_LAYERS_MAX, n->shape.signals, n->shape.units, n->head);
    put(w, "head.bias", NETWORK_LAYERS_MAX, n->shape.signals, 0, n->head_bias);
}

enum pl_code model_write(const char *path, const struct model *model, struct pl_error **error) {
    double tails[MODEL_STATISTICS * TAIL_NUMBERS] = {0};
    struct writing *w = PL_NEW(struct writing);
    double *turned = pl_alloc(model->network.count * sizeof(double));
    enum pl_code code = PL_OK;
    if (!w || !turned) code = pl_error_set(error, PL_NO_MEMORY, "%s: no memory", path);
    if (!code) {
        const uint32_t signals = model->network.shape.signals;
        *w = (struct writing){.model = model, .turned = turned};
        put_network(w);
        put(w, "input_mean", NETWORK_LAYERS_MAX + 1, signals, 0, model->mean);
        put(w, "input_scale", NETWORK_LAYERS_MAX + 1, signals, 0, model->scale);
        put(w, "error_scale", NETWORK_LAYERS_MAX + 1, signals, 0, model->error);
        for (unsigned k = 0; k < MODEL_STATISTICS; k++) {
            double *to = tails + k * TAIL_NUMBERS;
            to[0] = model->tail[k].count;
            to[1] = model->tail[k].mean;
            to[2] = model->tail[k].kept;
            memcpy(to + 3, model->tail[k].largest, sizeof model->tail[k].largest);
        }
        put(w, "tail", NETWORK_LAYERS_MAX + 1, MODEL_STATISTICS, TAIL_NUMBERS, tails);
        if (model->usual) /* which holds nothing but these numbers, in this order */
            put(w, "drift", NETWORK_LAYERS_MAX + 1, signals + 1, DRIFT_NUMBERS, model->usual->edge);
        code = tensors_write(path, w->out, w->count, model->note, model->notes, error);
    }
    pl_free(turned);
    pl_free(w);
    return code;
}

/* ---- Versions ---- */

bool model_is_file(const char *path) {
    const size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

bool model_version_path(const char *folder, uint32_t version, char *path, size_t size) {
    return (size_t)snprintf(path, size, "%s/%u%s", folder, version, ending) < size;
}

static uint32_t version_of(const char *name) {
    int64_t number;
    const size_t digits = strspn(name, "0123456789");
    if (!digits || digits > 9 || name[0] == '0' || strcmp(name + digits, ending) != 0) return 0;
    return pl_text_int(name, digits, &number) ? (uint32_t)number : 0;
}

static int by_number(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

enum pl_code model_versions(const char *folder, uint32_t **versions, unsigned *count, struct pl_error **error) {
    *versions = NULL;
    *count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "%s: %s", folder, strerror(errno));
    enum pl_code code = PL_OK;
    for (const struct dirent *entry; !code && (entry = readdir(directory));) {
        const uint32_t version = version_of(entry->d_name);
        if (!version) continue;
        uint32_t *grown = pl_realloc(*versions, (*count + 1) * sizeof **versions);
        if (!grown) {
            code = pl_error_set(error, PL_NO_MEMORY, "%s: no memory", folder);
            break;
        }
        *versions = grown;
        grown[(*count)++] = version;
    }
    closedir(directory);
    if (*versions) qsort(*versions, *count, sizeof **versions, by_number);
    return code;
}
