/* What a stranger sends over HTTP: a body for every route that takes one, a token, a set of keys, a cursor. Whatever it
 * is, it is refused, or each field is what its row of the table says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/utf8.h"
#include "expect.h"
#include "graph/models.h"
#include "http/rest_impl.h"

/* ---- A model to be given parameters ---- */

static const char *const sides[] = {"flux", "temperature", "film", NULL};
static const struct pl_model_parameter parameters[] = {
    {"conductivity", "W/m/K", 1.5, 1e-4, 1000, NULL, 0, ""},    {"initial", "degC", 100, -200, 3000, NULL, 0, ""},
    {"cells", "", 50, 2, 400, NULL, PL_MODEL_WHOLE, ""},        {"left", "", 1, 0, 2, sides, 0, ""},
    {"left_temperature", "degC", 600, -273, 5000, NULL, 0, ""}, {"right", "", 1, 0, 2, sides, 0, ""},
    {"right_temperature", "degC", 35, -273, 5000, NULL, 0, ""}, {.name = NULL}};
static const struct pl_model slab = {
    .size = sizeof slab, .name = "FourierHeatModel", .summary = "", .parameters = parameters};

static enum pl_code no_fit(struct pl_fit *fit, struct pl_error **error) {
    (void)fit;
    return pl_error_set(error, PL_UNAVAILABLE, "none");
}
static void nothing(struct pl_fit *fit) {
    (void)fit;
}
PL_MODELS(no_fit, nothing, &slab)

static void check_model(const struct pl__call *call) {
    double values[PL_MODEL_PARAMETERS_MAX];
    json_t *errors = json_array();
    pl__models_read(pl__call_text(call, "modelName"), pl__call_value(call, "parameters"), values, errors);
    for (unsigned i = 0; !json_array_size(errors) && parameters[i].name; i++) {
        EXPECT(values[i] >= parameters[i].low && values[i] <= parameters[i].high);
        if (parameters[i].choices || parameters[i].flags & PL_MODEL_WHOLE) EXPECT(values[i] == floor(values[i]));
    }
    json_decref(errors);
}

/* ---- Bodies ---- */

static void check_field(const struct pl_rest_field *field, const char *text) {
    int64_t whole;
    double number;
    pl_time time;
    size_t length = strlen(text);
    EXPECT(pl_utf8_check(text, length));
    switch (field->type) {
    case PL_REST_TEXT: EXPECT(length <= (field->longest ? field->longest : 256) && (length || !field->required)); break;
    case PL_REST_WHOLE: EXPECT(pl_text_int(text, length, &whole)); break;
    case PL_REST_NUMBER: EXPECT(pl_text_f64(text, length, &number) && isfinite(number)); break;
    case PL_REST_TIME: EXPECT(pl_text_time(text, length, &time)); break;
    case PL_REST_SPAN: EXPECT(pl_text_duration(text, length, &time)); break;
    case PL_REST_FLAG: EXPECT(strcmp(text, "true") == 0 || strcmp(text, "false") == 0); break;
    default: EXPECT(text[0] == '{' || text[0] == '[');
    }
}

static void fill_path(struct pl__call *call) {
    for (const struct pl_rest_field *field = call->route->fields; field && field->name; field++)
        if (field->place == PL_REST_PATH) strcpy(call->match.value[call->match.values++], field->example);
}

static void try_route(const struct pl_rest_route *route, const char *body, size_t size) {
    struct pl_http_request request = {.method = route->method, .path = "", .body = body, .size = size};
    struct pl__call *call = PL_NEW(struct pl__call);
    json_t *errors = json_array();
    EXPECT(call && errors);
    for (unsigned i = 0; i < PL_HTTP_REQUEST_HEADERS; i++)
        request.header[i] = "";
    request.header[PL_HTTP_CONTENT_TYPE] = "application/json";
    call->request = &request;
    call->route = route;
    fill_path(call);
    unsigned status = pl__fields_take(call, errors);
    EXPECT(status == 0 || status == PL__BAD);
    EXPECT((status == PL__BAD) == (json_array_size(errors) > 0));
    for (unsigned i = 0; !status && route->fields && route->fields[i].name; i++) {
        if (route->fields[i].required) EXPECT(call->text[i]);
        if (call->text[i]) check_field(&route->fields[i], call->text[i]);
    }
    if (!status && strcmp(route->name, "createModel") == 0) check_model(call);
    json_decref(errors);
    pl__call_free(call);
}

/* ---- Cursors ---- */

static void try_cursor(const char *bytes, size_t size) {
    static const struct pl_rest_route routes[] = {{.places = false}, {.places = true}};
    char *sealed = pl_base64url(bytes, size);
    EXPECT(sealed);
    for (unsigned i = 0; i < 2; i++) {
        struct pl__call *call = PL_NEW(struct pl__call);
        EXPECT(call);
        call->route = &routes[i];
        if (pl__cursor_read(call, sealed)) {
            EXPECT(call->offset <= PL__OFFSET_MAX && call->cursor_size < PL__CURSOR);
            EXPECT(call->cursor_size == size && (call->cursor[0] == PL__CURSOR_PLACE) == (i == 1));
        }
        pl_free(call);
    }
    pl_free(sealed);
}

/* ---- Tokens and keys ---- */

static void try_token(const char *text, size_t size) {
    struct pl_jwt_keys keys = {.count = 1}, set;
    struct pl_jwt_wants wants = {.issuer = "i", .audience = "a", .now = 1};
    json_t *claims;
    strcpy(keys.key[0].id, "k");
    if (pl_jwt_read_jwks(text, size, &set, NULL) == PL_OK) EXPECT(set.count > 0 && set.count <= PL_JWT_KEYS);
    pl_jwt_keys_fini(&set);
    if (strlen(text) == size && pl_jwt_verify(text, &keys, &wants, &claims, NULL) == PL_OK) {
        EXPECT(json_is_object(claims));
        json_decref(claims);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static bool ready;
    if (!ready) pl_models_add(&pl_model_info, "fuzz");
    ready = true;
    char *exact = malloc(size + 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    exact[size] = 0;
    for (const struct pl_rest_route *route = pl__rest_v1; route->path; route++)
        if (route->method != PL_HTTP_GET) try_route(route, exact, size);
    try_token(exact, size);
    try_cursor(exact, size);
    free(exact);
    return 0;
}
