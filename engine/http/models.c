/* models.c: the resource `pde-models`: a model of a plugin with a name for each of its parameters' values, kept in the
 * data folder. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "graph/models.h"
#include "http/rest_impl.h"

enum { SHOWN = 64, NAME = 96 };
static const struct pl__documents models = {
    .kind = "pde-model", .id = "pde", .path = "pde-models", .what = "model", .most = 10000, .bytes = 64 << 10};

/* ---- What people call parameters ---- */

/* Names of the plant, where they are others than ours in another spelling. */
static const struct {
    const char *theirs, *ours;
} names[] = {{"thermalConductivity", "conductivity"},
             {"initialTemperature", "initial"},
             {"specificHeat", "capacity"},
             {"thickness", "length"}};

/* A surface has a temperature: what is known there, and which. */
static const struct {
    const char *surface, *known, *temperature;
} surfaces[] = {{"topSurface", "left", "left_temperature"}, {"bottomSurface", "right", "right_temperature"}};

/* innerRadius -> inner_radius */
static void our_spelling(const char *theirs, char ours[NAME]) {
    size_t used = 0;
    for (; *theirs && used + 2 < NAME; theirs++) {
        if (isupper((unsigned char)*theirs)) ours[used++] = '_';
        ours[used++] = (char)tolower((unsigned char)*theirs);
    }
    ours[used] = 0;
}

/* A model's own name goes before the plant's for another one. -1: it has none. */
static int row_of(const struct pl_model *model, const char *name) {
    char ours[NAME];
    if (strlen(name) >= SHOWN) return -1;
    our_spelling(name, ours);
    int row = pl_model_parameter(model->parameters, ours);
    for (unsigned i = 0; row < 0 && i < PL_COUNT_OF(names); i++)
        if (strcmp(names[i].theirs, name) == 0) row = pl_model_parameter(model->parameters, names[i].ours);
    return row;
}

static const char *their_name(const struct pl_model *model, const char *ours) {
    for (unsigned i = 0; i < PL_COUNT_OF(names); i++)
        if (strcmp(names[i].ours, ours) == 0 &&
            row_of(model, names[i].theirs) == pl_model_parameter(model->parameters, ours))
            return names[i].theirs;
    return ours;
}

struct reading {
    const struct pl_model *model;
    double *values;
    json_t *errors;
};

static void set_number(struct reading *reading, int row, double value, const char *pointer) {
    const struct pl_model_parameter *of = &reading->model->parameters[row];
    if (!(value >= of->low && value <= of->high))
        pl__field_error(reading->errors, pointer, "%g is not from %g to %g %s", value, of->low, of->high, of->unit);
    else if (of->flags & PL_MODEL_WHOLE && value != floor(value))
        pl__field_error(reading->errors, pointer, "a whole number is expected");
    else
        reading->values[row] = value;
}

static void set_choice(struct reading *reading, int row, const char *text, const char *pointer) {
    const char *const *choices = reading->model->parameters[row].choices;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) != 0) continue;
        reading->values[row] = i;
        return;
    }
    pl__field_error(reading->errors, pointer, "\"%.*s\" is none of its choices", SHOWN, text);
}

static void read_parameter(struct reading *reading, const char *name, const json_t *value) {
    char pointer[NAME + SHOWN];
    snprintf(pointer, sizeof pointer, "/parameters/%.*s", SHOWN, name);
    int row = row_of(reading->model, name);
    bool choice = row >= 0 && reading->model->parameters[row].choices;
    if (row < 0)
        pl__field_error(reading->errors, pointer, "%s has no such parameter", reading->model->name);
    else if (choice && json_is_string(value))
        set_choice(reading, row, json_string_value(value), pointer);
    else if (!choice && json_is_number(value))
        set_number(reading, row, json_number_value(value), pointer);
    else
        pl__field_error(reading->errors, pointer, choice ? "a string is expected" : "a number is expected");
}

static void read_boundary(struct reading *reading, const char *name, const json_t *value) {
    char pointer[NAME + SHOWN];
    snprintf(pointer, sizeof pointer, "/parameters/boundaryConditions/%.*s", SHOWN, name);
    for (unsigned i = 0; i < PL_COUNT_OF(surfaces); i++) {
        if (strcmp(surfaces[i].surface, name) != 0) continue;
        int known = pl_model_parameter(reading->model->parameters, surfaces[i].known);
        int temperature = pl_model_parameter(reading->model->parameters, surfaces[i].temperature);
        if (known < 0 || temperature < 0) break;
        if (!json_is_number(value)) {
            pl__field_error(reading->errors, pointer, "a number is expected, the temperature in degC");
            return;
        }
        set_choice(reading, known, "temperature", pointer);
        set_number(reading, temperature, json_number_value(value), pointer);
        return;
    }
    pl__field_error(reading->errors, pointer, "%s has no such boundary", reading->model->name);
}

static void read_boundaries(struct reading *reading, const json_t *value) {
    const char *name;
    json_t *one;
    if (!json_is_object(value)) {
        pl__field_error(reading->errors, "/parameters/boundaryConditions", "an object is expected");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, one) {
        read_boundary(reading, name, one);
    }
}

/* The values that a model begins with; what is wrong goes to `errors`. */
static void read_parameters(struct reading *reading, const json_t *parameters) {
    const char *name;
    json_t *value;
    for (unsigned i = 0; reading->model->parameters[i].name; i++)
        reading->values[i] = reading->model->parameters[i].fallback;
    json_object_foreach((json_t *)(uintptr_t)parameters, name, value) {
        if (strcmp(name, "boundaryConditions") == 0)
            read_boundaries(reading, value);
        else
            read_parameter(reading, name, value);
    }
}

void pl__models_read(const char *name, const json_t *parameters, double *values, json_t *errors) {
    struct reading reading = {.model = pl_models_find(name), .values = values, .errors = errors};
    if (reading.model) {
        read_parameters(&reading, parameters);
        return;
    }
    const char *nearest = pl_models_nearest(name);
    pl__field_error(errors, "/modelName", "there is no model \"%.*s\"%s%s%s", SHOWN, name,
                    nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* False after answering: what the body says is no model of ours. */
static bool check_body(struct pl__call *call) {
    double values[PL_MODEL_PARAMETERS_MAX];
    json_t *errors = json_array();
    pl__models_read(pl__call_text(call, "modelName"), pl__call_value(call, "parameters"), values, errors);
    if (json_array_size(errors)) {
        pl__problem_fields(call, errors);
        return false;
    }
    json_decref(errors);
    return true;
}

/* ---- As the document tells it ---- */

static json_t *number_of(const struct pl_model_parameter *of) {
    return json_pack("{s:s, s:f, s:f}", "type", of->flags & PL_MODEL_WHOLE ? "integer" : "number", "minimum", of->low,
                     "maximum", of->high);
}

static json_t *choices_of(const struct pl_model_parameter *of) {
    json_t *list = json_array();
    for (int i = 0; of->choices[i]; i++)
        json_array_append_new(list, json_string(of->choices[i]));
    return json_pack("{s:o}", "enum", list);
}

static json_t *schema_of(const struct pl_model_parameter *of) {
    json_t *schema = of->choices ? choices_of(of) : number_of(of);
    const char *unit = of->choices ? "" : of->unit;
    json_object_set_new(schema, "description",
                        json_sprintf("%s%s%s%s", of->doc, unit[0] ? " In " : "", unit, unit[0] ? "." : ""));
    json_object_set_new(schema, "default",
                        of->choices                  ? json_string(of->choices[(int)of->fallback])
                        : of->flags & PL_MODEL_WHOLE ? json_integer((json_int_t)of->fallback)
                                                     : json_real(of->fallback));
    return schema;
}

/* NULL: the model has no such surfaces. */
static json_t *boundaries_of(const struct pl_model *model) {
    json_t *properties = json_object();
    for (unsigned i = 0; i < PL_COUNT_OF(surfaces); i++) {
        int known = pl_model_parameter(model->parameters, surfaces[i].known);
        int temperature = pl_model_parameter(model->parameters, surfaces[i].temperature);
        if (known < 0 || temperature < 0) continue;
        json_object_set_new(properties, surfaces[i].surface, number_of(&model->parameters[temperature]));
    }
    bool any = json_object_size(properties) > 0;
    json_t *schema =
        json_pack("{s:s, s:s, s:O, s:b}", "type", "object", "description", "Temperatures of surfaces, degC.",
                  "properties", properties, "additionalProperties", false);
    json_decref(properties);
    if (any) return schema;
    json_decref(schema);
    return NULL;
}

static json_t *parameters_of(const struct pl_model *model) {
    json_t *properties = json_object(), *boundaries = boundaries_of(model);
    for (const struct pl_model_parameter *of = model->parameters; of->name; of++)
        json_object_set_new(properties, their_name(model, of->name), schema_of(of));
    if (boundaries) json_object_set_new(properties, "boundaryConditions", boundaries);
    return json_pack("{s:s, s:s, s:o, s:b}", "type", "object", "description", model->doc, "properties", properties,
                     "additionalProperties", false);
}

json_t *pl__models_bodies(const json_t *plain) {
    json_t *list = json_array();
    for (unsigned i = 0; i < pl_models_count(); i++) {
        const struct pl_model *model = pl_models_get(i);
        json_t *body = json_deep_copy(plain), *properties = json_object_get(body, "properties");
        json_object_del(body, "example");
        json_object_set_new(properties, "modelName", json_pack("{s:s}", "const", model->name));
        json_object_set_new(properties, "parameters", parameters_of(model));
        json_array_append_new(list, body);
    }
    return list;
}

/* ---- As it is told ---- */

/* Takes the value. */
static json_t *shown(const struct pl__call *call, json_t *value) {
    const char *id = json_string_value(json_object_get(value, "modelId"));
    char runs[PL__PATH];
    pl__href(call, runs, "pde-models/%s/runs", id ? id : "");
    json_t *links = pl__links(call, "pde-models/%s", id ? id : "");
    json_array_append_new(links, json_pack("{s:s, s:s}", "rel", "runs", "href", runs));
    json_object_set_new(value, "links", links);
    return value;
}

/* ---- The routes ---- */

static bool is_of_model(const struct pl__call *call, const json_t *value) {
    const char *wanted = pl__call_text(call, "modelName"),
               *name = json_string_value(json_object_get(value, "modelName"));
    return !wanted || (name && strcmp(name, wanted) == 0);
}

void pl__models_list(struct pl__call *call) {
    pl__documents_list(call, &models, is_of_model, shown);
}

static json_t *made_of(struct pl__call *call, const char *id, const char *created, const char *changed,
                       json_int_t revision) {
    const char *description = pl__call_text(call, "description");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:I}", "modelId", id, "modelName",
                     pl__call_text(call, "modelName"), "status", revision == 1 ? "created" : "updated",
                     "creationTimestamp", created, "lastModified", changed, "description",
                     description ? description : "", "parameters", pl__call_value(call, "parameters"), "revision",
                     revision);
}

void pl__models_create(struct pl__call *call) {
    char id[PL__DOCUMENT_NAME], moment[40], href[PL__PATH];
    struct pl_error *error = NULL;
    if (!check_body(call)) return;
    pl__moment(pl__rest_now(call->rest), moment);
    enum pl_code code = pl__document_next(call, &models, id, &error);
    json_t *value = code ? NULL : made_of(call, id, moment, moment, 1);
    if (!code) code = pl__document_keep(call, &models, id, value, &error);
    json_decref(value);
    if (code) {
        pl__problem_code(call, code, error ? error->text : NULL);
    } else {
        pl__call_audit(call, "pde-models create", id, "done");
        pl__href(call, href, "pde-models/%s", id);
        value =
            json_pack("{s:s, s:s, s:s, s:s, s:o}", "modelId", id, "modelName", pl__call_text(call, "modelName"),
                      "status", "created", "creationTimestamp", moment, "links", pl__links(call, "pde-models/%s", id));
        pl__answer_json(call, PL__CREATED, value, href);
    }
    pl_error_free(&error);
}

void pl__models_get(struct pl__call *call) {
    json_t *value = pl__document_load(call, &models, call->match.value[0]);
    if (value) pl__document_answer(call, shown(call, value));
}

void pl__models_put(struct pl__call *call) {
    const char *id = call->match.value[0];
    char moment[40];
    struct pl_error *error = NULL;
    json_t *before = pl__document_load(call, &models, id);
    if (before && pl__document_is_known(call, &models, before) && check_body(call)) {
        pl__moment(pl__rest_now(call->rest), moment);
        const char *created = json_string_value(json_object_get(before, "creationTimestamp"));
        json_t *value = made_of(call, id, created ? created : moment, moment, pl__document_revision(before) + 1);
        enum pl_code code = pl__document_keep(call, &models, id, value, &error);
        if (code) {
            json_decref(value);
            pl__problem_code(call, code, error ? error->text : NULL);
        } else {
            pl__call_audit(call, "pde-models put", id, "done");
            pl__document_answer(call, shown(call, value));
        }
    }
    json_decref(before);
    pl_error_free(&error);
}

void pl__models_remove(struct pl__call *call) {
    const char *id = call->match.value[0];
    json_t *before = pl__document_load(call, &models, id);
    if (before && pl__document_is_known(call, &models, before) && pl__document_remove(call, &models, id)) {
        pl__call_audit(call, "pde-models remove", id, "done");
        pl__answer_gone(call);
    }
    json_decref(before);
}

bool pl__models_ready(struct pl__call *call, const struct pl_model **model, double *values) {
    json_t *value = pl__document_load(call, &models, call->match.value[0]);
    if (!value) return false;
    const char *name = json_string_value(json_object_get(value, "modelName"));
    struct reading reading = {.model = name ? pl_models_find(name) : NULL, .values = values, .errors = json_array()};
    if (reading.model) read_parameters(&reading, json_object_get(value, "parameters"));
    json_decref(value);
    bool good = reading.model && !json_array_size(reading.errors);
    if (!good) pl__complain(call, PL__SEMANTIC, "The model does not fit what is installed any more.");
    json_decref(reading.errors);
    *model = reading.model;
    return good;
}
