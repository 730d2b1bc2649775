#include "model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Life ---- */

bool model_make(struct model *model, const struct network_shape *shape) {
    *model = (struct model){0};
    model->input = pl_alloc(shape->signals * sizeof *model->input);
    model->mean = pl_alloc(shape->signals * sizeof(double));
    model->scale = pl_alloc(shape->signals * sizeof(double));
    model->error = pl_alloc(shape->signals * sizeof(double));
    if (!network_make(&model->network, shape) || !model->input || !model->mean || !model->scale || !model->error)
        return false;
    for (uint32_t s = 0; s < shape->signals; s++)
        model->scale[s] = model->error[s] = 1;
    return true;
}

void model_free(struct model *model) {
    for (uint32_t s = 0; model->input && s < model->network.shape.signals; s++)
        pl_free(model->input[s]);
    for (unsigned i = 0; i < model->notes; i++) {
        pl_free(model->note[i].key);
        pl_free(model->note[i].text);
    }
    pl_free(model->input);
    pl_free(model->mean);
    pl_free(model->scale);
    pl_free(model->error);
    pl_free(model->usual);
    network_free(&model->network);
    *model = (struct model){0};
}

const char *model_note(const struct model *model, const char *key) {
    for (unsigned i = 0; i < model->notes; i++)
        if (strcmp(model->note[i].key, key) == 0) return model->note[i].text;
    return "";
}

bool model_forecasts_worse(const struct model *model) {
    const char *error = model_note(model, "error"), *unchanged = model_note(model, "unchanged");
    double of_model, of_none;
    return pl_text_f64(error, strlen(error), &of_model) && pl_text_f64(unchanged, strlen(unchanged), &of_none) &&
           of_model >= of_none;
}

bool model_set_note(struct model *model, const char *key, const char *text) {
    if (model->notes == MODEL_NOTES_MAX) return false;
    struct tensor_note note = {pl_strdup(key), pl_strdup(text)};
    if (!note.key || !note.text) {
        pl_free(note.key);
        pl_free(note.text);
        return false;
    }
    model->note[model->notes++] = note;
    return true;
}

/* ---- Reading ---- */

struct reading {
    const char *path;
    const struct tensors *tensors;
    struct model *model;
    struct pl_error **error;
};

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static const struct tensor *find_end(const struct tensors *all, const char *end) {
    for (unsigned i = 0; i < all->count; i++)
        if (ends_with(all->tensor[i].name, end)) return &all->tensor[i];
    return NULL;
}

/* PREFIX.WHAT_lN */
static const struct tensor *of_layer(const struct reading *r, const char *prefix, const char *what, uint32_t layer) {
    char name[2 * TENSOR_NAME_MAX];
    snprintf(name, sizeof name, "%s%s_l%u", prefix, what, layer);
    return tensors_find(r->tensors, name);
}

static bool has_shape(const struct tensor *t, uint64_t rows, uint64_t columns) {
    return columns ? t->dimensions == 2 && t->extent[0] == rows && t->extent[1] == columns
                   : t->dimensions == 1 && t->extent[0] == rows;
}

/* A matrix [to][from] becomes [from][to]; of a vector `columns` is 0. */
static enum pl_code take(const struct reading *r, const struct tensor *t, uint32_t rows, uint32_t columns, double *to) {
    if (!has_shape(t, rows, columns))
        return pl_error_set(r->error, PL_CORRUPT, "%s: tensor %s does not have the shape that the others ask for",
                            r->path, t->name);
    const uint32_t width = columns ? columns : 1;
    for (uint64_t i = 0; i < t->count; i++) {
        const double value = tensor_value(t, i);
        if (!isfinite(value))
            return pl_error_set(r->error, PL_CORRUPT, "%s: tensor %s holds what is no number", r->path, t->name);
        to[i % width * rows + i / width] = value;
    }
    return PL_OK;
}

static enum pl_code take_layer(const struct reading *r, const char *prefix, uint32_t l) {
    struct network *n = &r->model->network;
    struct network_layer *layer = &n->layer[l];
    const struct {
        const char *what;
        uint32_t columns;
        double *to;
    } parts[] = {{"weight_ih", layer->inputs, layer->input},
                 {"weight_hh", n->shape.units, layer->hidden},
                 {"bias_ih", 0, layer->input_bias},
                 {"bias_hh", 0, layer->hidden_bias}};
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < PL_COUNT_OF(parts) && !code; i++) {
        const struct tensor *t = of_layer(r, prefix, parts[i].what, l);
        if (!t && parts[i].columns)
            return pl_error_set(r->error, PL_CORRUPT, "%s: there is no %s%s_l%u", r->path, prefix, parts[i].what, l);
        if (t) code = take(r, t, n->rows, parts[i].columns, parts[i].to);
    }
    return code;
}

/* What the tensors' shapes say of the network; PREFIX goes into `prefix`. */
static enum pl_code find_shape(const struct reading *r, struct network_shape *shape, char prefix[TENSOR_NAME_MAX]) {
    static const char first[] = "weight_ih_l0";
    const struct tensor *input = find_end(r->tensors, first);
    if (!input)
        return pl_error_set(r->error, PL_CORRUPT, "%s: no tensor ends in %s: it holds no LSTM or GRU of PyTorch's",
                            r->path, first);
    if (find_end(r->tensors, "_l0_reverse") || find_end(r->tensors, "weight_hr_l0"))
        return pl_error_set(r->error, PL_CORRUPT, "%s: networks with two directions or a projection are not known here",
                            r->path);
    snprintf(prefix, TENSOR_NAME_MAX, "%.*s", (int)(strlen(input->name) - strlen(first)), input->name);
    const struct tensor *hidden = of_layer(r, prefix, "weight_hh", 0);
    *shape = (struct network_shape){.layers = 1};
    while (of_layer(r, prefix, "weight_ih", shape->layers))
        shape->layers++;
    const bool square = hidden && hidden->dimensions == 2 && hidden->extent[1] && input->dimensions == 2 &&
                        input->extent[1] && hidden->extent[0] % hidden->extent[1] == 0;
    const uint64_t gates = square ? hidden->extent[0] / hidden->extent[1] : 0;
    if (gates != 4 && gates != 3)
        return pl_error_set(r->error, PL_CORRUPT, "%s: %sweight_hh_l0 is neither an LSTM's nor a GRU's", r->path,
                            prefix);
    if (shape->layers > NETWORK_LAYERS_MAX || hidden->extent[1] > NETWORK_UNITS_MAX ||
        input->extent[1] > NETWORK_SIGNALS_MAX)
        return pl_error_set(r->error, PL_LIMIT, "%s: more than %d layers, %d units or %d signals", r->path,
                            NETWORK_LAYERS_MAX, NETWORK_UNITS_MAX, NETWORK_SIGNALS_MAX);
    shape->kind = gates == 4 ? NETWORK_LSTM : NETWORK_GRU;
    shape->units = (uint32_t)hidden->extent[1];
    shape->signals = (uint32_t)input->extent[1];
    const char *target = tensors_note(r->tensors, "target");
    shape->difference = target && strcmp(target, "difference") == 0;
    return PL_OK;
}

/* The linear layer: the one matrix that is none of the recurrent ones. */
static enum pl_code take_head(const struct reading *r) {
    const struct network *n = &r->model->network;
    const struct tensor *head = NULL;
    for (unsigned i = 0; i < r->tensors->count; i++) {
        const struct tensor *t = &r->tensors->tensor[i];
        if (!ends_with(t->name, ".weight")) continue;
        if (head)
            return pl_error_set(r->error, PL_CORRUPT, "%s: %s and %s: one linear layer is known here", r->path,
                                head->name, t->name);
        head = t;
    }
    if (!head) return pl_error_set(r->error, PL_CORRUPT, "%s: it has no linear layer (NAME.weight)", r->path);
    enum pl_code code = take(r, head, n->shape.signals, n->shape.units, n->head);
    char name[TENSOR_NAME_MAX + 8];
    snprintf(name, sizeof name, "%.*s.bias", (int)(strlen(head->name) - strlen(".weight")), head->name);
    const struct tensor *bias = tensors_find(r->tensors, name);
    return code || !bias ? code : take(r, bias, n->shape.signals, 0, n->head_bias);
}

static enum pl_code take_scales(const struct reading *r) {
    struct model *m = r->model;
    const struct {
        const char *name;
        double *to;
        bool positive;
    } parts[] = {{"input_mean", m->mean, false}, {"input_scale", m->scale, true}, {"error_scale", m->error, true}};
    for (unsigned i = 0; i < PL_COUNT_OF(parts); i++) {
        const struct tensor *t = tensors_find(r->tensors, parts[i].name);
        enum pl_code code = t ? take(r, t, m->network.shape.signals, 0, parts[i].to) : PL_OK;
        if (code) return code;
        for (uint32_t s = 0; parts[i].positive && s < m->network.shape.signals; s++)
            if (!(parts[i].to[s] > 0))
                return pl_error_set(r->error, PL_CORRUPT, "%s: %s is not above 0", r->path, parts[i].name);
    }
    return PL_OK;
}

static enum pl_code take_tails(const struct reading *r) {
    const struct tensor *t = tensors_find(r->tensors, "tail");
    if (!t) return PL_OK;
    double numbers[MODEL_STATISTICS * TAIL_NUMBERS] = {0};
    enum pl_code code = has_shape(t, MODEL_STATISTICS, TAIL_NUMBERS) ? PL_OK : PL_CORRUPT;
    for (uint64_t i = 0; i < t->count && !code; i++)
        code = isfinite(numbers[i] = tensor_value(t, i)) ? PL_OK : PL_CORRUPT;
    for (unsigned k = 0; k < MODEL_STATISTICS && !code; k++) {
        const double *from = numbers + k * TAIL_NUMBERS;
        struct tail *tail = &r->model->tail[k];
        bool good = from[0] >= 0 && from[2] >= 0 && from[2] <= TAIL_KEPT && from[2] <= from[0];
        for (unsigned i = 4; good && i < 3 + from[2]; i++)
            good = from[i] <= from[i - 1];
        if (!good) code = PL_CORRUPT;
        if (good) *tail = (struct tail){.count = from[0], .mean = from[1], .kept = (uint32_t)from[2]};
        if (good) memcpy(tail->largest, from + 3, sizeof tail->largest);
    }
    return code ? pl_error_set(r->error, PL_CORRUPT, "%s: its tail is damaged", r->path) : PL_OK;
}

static enum pl_code take_drift(const struct reading *r) {
    const struct tensor *t = tensors_find(r->tensors, "drift");
    const uint32_t lines = r->model->network.shape.signals + 1;
    if (!t) return PL_OK;
    bool good = has_shape(t, lines, DRIFT_NUMBERS);
    if (good && !(r->model->usual = pl_alloc(lines * sizeof *r->model->usual)))
        return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
    for (uint32_t i = 0; good && i < lines; i++) {
        struct drift_usual *usual = &r->model->usual[i];
        double *const to[] = {usual->edge, usual->share, &usual->index};
        const unsigned count[] = {DRIFT_EDGES, DRIFT_BINS, 1};
        uint64_t at = (uint64_t)i * DRIFT_NUMBERS;
        for (unsigned part = 0; part < PL_COUNT_OF(to); part++)
            for (unsigned k = 0; good && k < count[part]; k++) {
                to[part][k] = tensor_value(t, at++);
                good = isfinite(to[part][k]) && (part == 0 ? k == 0 || to[0][k] >= to[0][k - 1] : to[part][k] >= 0);
            }
    }
    return good ? PL_OK : pl_error_set(r->error, PL_CORRUPT, "%s: its drift is damaged", r->path);
}

/* ---- Names and notes ---- */

static enum pl_code take_names(const struct reading *r, const struct pl_strings *inputs) {
    const uint32_t signals = r->model->network.shape.signals;
    const char *at = tensors_note(r->tensors, "inputs");
    uint32_t count = 0;
    for (; at && *at && count < signals; count++) {
        const size_t length = strcspn(at, "\n");
        if (!(r->model->input[count] = pl_strndup(at, length)))
            return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
        at += length + (at[length] == '\n');
    }
    const bool more = at && *at;
    for (; !at && count < signals && count < inputs->count; count++)
        if (!(r->model->input[count] = pl_strdup(inputs->items[count])))
            return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
    if (count != signals || more || (!at && inputs->count != signals))
        return pl_error_set(r->error, PL_RANGE,
                            "%s: the network takes %u signals; their names are in its metadata (inputs) or in the "
                            "option `inputs`, as many and in that order",
                            r->path, signals);
    for (uint32_t s = 0; s < signals; s++)
        for (uint32_t k = 0; k < s; k++)
            if (strcmp(r->model->input[s], r->model->input[k]) == 0)
                return pl_error_set(r->error, PL_CONFLICT, "%s: signal %s is there twice", r->path, r->model->input[s]);
    return PL_OK;
}

static enum pl_code take_notes(const struct reading *r) {
    for (unsigned i = 0; i < r->tensors->notes && r->model->notes < MODEL_NOTES_MAX; i++)
        if (!model_set_note(r->model, r->tensors->note[i].key, r->tensors->note[i].text))
            return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
    return PL_OK;
}

static enum pl_code take_all(const struct reading *r, const struct pl_strings *inputs) {
    struct network_shape shape = {0};
    char prefix[TENSOR_NAME_MAX];
    enum pl_code code = find_shape(r, &shape, prefix);
    if (code) return code;
    if (!model_make(r->model, &shape)) return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
    for (uint32_t l = 0; l < shape.layers && !code; l++)
        code = take_layer(r, prefix, l);
    if (!code) code = take_head(r);
    if (!code) code = take_scales(r);
    if (!code) code = take_tails(r);
    if (!code) code = take_drift(r);
    if (!code) code = take_names(r, inputs);
    return code ? code : take_notes(r);
}

enum pl_code model_read(const char *path, const struct pl_strings *inputs, struct model *model,
                        struct pl_error **error) {
    *model = (struct model){0};
    struct tensors *tensors = PL_NEW(struct tensors);
    if (!tensors) return pl_error_set(error, PL_NO_MEMORY, "%s: no memory", path);
    enum pl_code code = tensors_read(path, tensors, error);
    const struct reading r = {.path = path, .tensors = tensors, .model = model, .error = error};
    if (!code) code = take_all(&r, inputs);
    tensors_free(tensors);
    pl_free(tensors);
    return code;
}
