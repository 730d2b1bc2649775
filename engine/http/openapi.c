/* openapi.c: the table of routes as an OpenAPI 3.1 document. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "http/rest_impl.h"

enum { PATH_TEXT = 256 };

/* ---- Fields ---- */

static json_t *choices_of(const char *const *choices) {
    json_t *list = json_array();
    for (; choices && *choices; choices++)
        json_array_append_new(list, json_string(*choices));
    return list;
}

static json_t *pattern_of(const struct pl_rest_field *field) {
    static const char *const never[] = {[PL_REST_BODY] = "\\u0000",
                                        [PL_REST_PATH] = "\\u0000-\\u001f\\u007f/%",
                                        [PL_REST_QUERY] = "\\u0000-\\u001f\\u007f"};
    return json_sprintf("^[^%s%s]*$", never[field->place], field->without ? field->without : "");
}

static json_t *type_of(const struct pl_rest_field *field) {
    switch (field->type) {
    case PL_REST_NUMBER: return json_pack("{s:s}", "type", "number");
    case PL_REST_WHOLE: return json_pack("{s:s}", "type", "integer");
    case PL_REST_FLAG: return json_pack("{s:s}", "type", "boolean");
    case PL_REST_TIME: return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case PL_REST_SPAN:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^(0|([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us|ns))+)$");
    case PL_REST_OBJECT: return json_pack("{s:s}", "type", "object");
    case PL_REST_LIST: return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "object");
    case PL_REST_TEXTS:
        return json_pack("{s:s, s:i, s:{s:s}}", "type", "array", "minItems", 1, "items", "type", "string");
    default:
        return json_pack("{s:s, s:i, s:i, s:o}", "type", "string", "minLength", field->required ? 1 : 0, "maxLength",
                         (int)(field->longest ? field->longest : 256), "pattern", pattern_of(field));
    }
}

/* The example of a path or a query is text, whatever its type. */
static json_t *example_of(const struct pl_rest_field *field) {
    if (!field->example) return NULL;
    if (field->place == PL_REST_BODY) return json_loads(field->example, JSON_DECODE_ANY, NULL);
    return json_string(field->example);
}

static json_t *schema_of(const struct pl_rest_field *field) {
    json_t *schema = type_of(field);
    if (field->choices) json_object_set_new(schema, "enum", choices_of(field->choices));
    if (field->low < field->high) {
        json_object_set_new(schema, "minimum", json_real(field->low));
        json_object_set_new(schema, "maximum", json_real(field->high));
    }
    if (field->place == PL_REST_BODY) {
        json_t *example = example_of(field);
        json_object_set_new(schema, "description", json_string(field->doc));
        if (example) json_object_set_new(schema, "examples", json_pack("[o]", example));
    }
    return schema;
}

static json_t *parameter_of(const struct pl_rest_field *field) {
    json_t *parameter = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", field->name, "in",
                                  field->place == PL_REST_PATH ? "path" : "query", "required",
                                  field->required || field->place == PL_REST_PATH, "description", field->doc, "schema",
                                  schema_of(field));
    json_t *example = example_of(field);
    if (example) json_object_set_new(parameter, "example", example);
    return parameter;
}

static void add_reference(json_t *list, const char *name) {
    char target[PATH_TEXT];
    snprintf(target, sizeof target, "#/components/parameters/%s", name);
    json_array_append_new(list, json_pack("{s:s}", "$ref", target));
}

static json_t *parameters_of(const struct pl_rest_route *route) {
    json_t *list = json_array();
    for (const struct pl_rest_field *field = route->fields; field && field->name; field++)
        if (field->place != PL_REST_BODY) json_array_append_new(list, parameter_of(field));
    add_reference(list, "CorrelationId");
    if (route->answer == PL_REST_ROWS) add_reference(list, "Limit");
    if (route->answer == PL_REST_ROWS) add_reference(list, "Cursor");
    if (route->method == PL_HTTP_POST && !route->open) add_reference(list, "IdempotencyKey");
    if (route->answer == PL_REST_EVENTS) add_reference(list, "LastEventId");
    return list;
}

/* Which fields need which beside them. */
static void add_needs(const struct pl_rest_route *route, json_t *schema) {
    json_t *needs = json_object();
    for (const struct pl_rest_field *field = route->fields; field && field->name; field++)
        if (field->with) json_object_set_new(needs, field->name, json_pack("[s]", field->with));
    if (json_object_size(needs)) json_object_set(schema, "dependentRequired", needs);
    json_decref(needs);
}

static json_t *body_of(const struct pl_rest_route *route) {
    json_t *properties = json_object(), *required = json_array(), *example = json_object();
    for (const struct pl_rest_field *field = route->fields; field && field->name; field++) {
        if (field->place != PL_REST_BODY) continue;
        json_object_set_new(properties, field->name, schema_of(field));
        if (field->required) json_array_append_new(required, json_string(field->name));
        json_t *one = example_of(field);
        if (one) json_object_set_new(example, field->name, one);
    }
    if (!json_object_size(properties)) {
        json_decref(properties);
        json_decref(required);
        json_decref(example);
        return NULL;
    }
    json_t *schema = json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required", required,
                               "additionalProperties", false);
    add_needs(route, schema);
    if (route->bodies) {
        json_t *one_of = route->bodies(schema);
        json_decref(schema);
        schema = json_pack("{s:o}", "oneOf", one_of);
    }
    return json_pack("{s:b, s:{s:{s:o, s:o}}}", "required", true, "content", "application/json", "schema", schema,
                     "example", example);
}

/* ---- Answers ---- */

static json_t *reference(const char *schema) {
    char target[PATH_TEXT];
    snprintf(target, sizeof target, "#/components/schemas/%s", schema);
    return json_pack("{s:s}", "$ref", target);
}

static json_t *headers_of(const struct pl_rest_route *route) {
    json_t *headers = json_pack("{s:{s:s}, s:{s:s}}", "x-request-id", "$ref", "#/components/headers/RequestId",
                                "cache-control", "$ref", "#/components/headers/CacheControl");
    bool located = route->answer == PL_REST_CREATED || (route->answer == PL_REST_ACCEPTED && route->run);
    if (located) json_object_set_new(headers, "location", json_pack("{s:s}", "$ref", "#/components/headers/Location"));
    if (route->answer == PL_REST_ROWS)
        json_object_set_new(headers, "link", json_pack("{s:s}", "$ref", "#/components/headers/Link"));
    return headers;
}

static json_t *content_of(const struct pl_rest_route *route) {
    const char *schema = route->schema;
    switch (route->answer) {
    case PL_REST_ROWS:
        return json_pack("{s:{s:{s:s, s:o}}}", "application/json", "schema", "type", "array", "items",
                         reference(schema ? schema : "Row"));
    case PL_REST_EVENTS:
        return json_pack("{s:{s:{s:s}}}", "text/event-stream", "schema", "$ref", "#/components/schemas/Event");
    case PL_REST_TEXT_ROW: return json_pack("{s:{s:{s:s}}}", "text/plain", "schema", "type", "string");
    case PL_REST_ROW:
    case PL_REST_FIRST: return json_pack("{s:{s:o}}", "application/json", "schema", reference(schema ? schema : "Row"));
    default: return json_pack("{s:{s:o}}", "application/json", "schema", reference(schema ? schema : "Done"));
    }
}

static json_t *good_answer(const struct pl_rest_route *route) {
    json_t *answer = json_pack("{s:s, s:o}", "description", route->doc, "headers", headers_of(route));
    if (route->answer != PL_REST_GONE) json_object_set_new(answer, "content", content_of(route));
    return answer;
}

static const char *status_of(const struct pl_rest_route *route) {
    return route->answer == PL_REST_CREATED    ? "201"
           : route->answer == PL_REST_ACCEPTED ? "202"
           : route->answer == PL_REST_GONE     ? "204"
                                               : "200";
}

static void add_problem(json_t *answers, unsigned status) {
    char key[16];
    snprintf(key, sizeof key, "%u", status);
    json_object_set_new(answers, key, json_pack("{s:s}", "$ref", "#/components/responses/Problem"));
}

static json_t *answers_of(const struct pl_rest_route *route) {
    static const unsigned changing[] = {PL__CONFLICT, PL__LENGTH, PL__TOO_LARGE, PL__MEDIA_TYPE, PL__SEMANTIC};
    static const unsigned usual[] = {PL__BAD,    PL__UNAUTHORIZED, PL__NOT_FOUND, PL__TOO_MANY,
                                     PL__BROKEN, PL__NOT_DONE,     PL__NOT_NOW};
    json_t *answers = json_object();
    json_object_set_new(answers, status_of(route), good_answer(route));
    for (unsigned i = 0; i < PL_COUNT_OF(usual); i++)
        add_problem(answers, usual[i]);
    if (!route->open) add_problem(answers, PL__FORBIDDEN);
    for (unsigned i = 0; i < PL_COUNT_OF(changing) && route->method != PL_HTTP_GET; i++)
        add_problem(answers, changing[i]);
    if (route->answer == PL_REST_ROWS || route->command || strncmp(route->path, "pde-models/", 11) == 0)
        add_problem(answers, PL__SEMANTIC);
    if (route->also) add_problem(answers, route->also);
    return answers;
}

/* ---- Operations ---- */

static json_t *roles_of(unsigned roles) {
    json_t *list = json_array();
    for (unsigned i = 0; i < PL_ROLES; i++)
        if (roles & PL_MAY(i)) json_array_append_new(list, json_string(pl_role_names[i]));
    return list;
}

static json_t *operation_of(const struct pl_rest_route *route) {
    char tag[PATH_TEXT];
    snprintf(tag, sizeof tag, "%.*s", (int)strcspn(route->path, "/"), route->path);
    json_t *operation = json_pack("{s:s, s:s, s:[s], s:o, s:o}", "operationId", route->name, "summary", route->doc,
                                  "tags", tag, "parameters", parameters_of(route), "responses", answers_of(route));
    json_t *body = body_of(route);
    if (body) json_object_set_new(operation, "requestBody", body);
    if (route->open) {
        json_object_set_new(operation, "security", json_array());
    } else {
        json_object_set_new(operation, "security", json_pack("[{s:[]}]", "token"));
        json_object_set_new(operation, "x-roles", roles_of(route->roles));
    }
    if (route->command) json_object_set_new(operation, "x-command", json_string(route->command));
    if (route->operators) json_object_set_new(operation, "x-operators", json_string(route->operators));
    return operation;
}

static json_t *paths_of(const struct pl_rest_version *version) {
    static const char *const names[PL_HTTP_METHODS] = {"get", "head", "post", "put", "patch", "delete", "options"};
    json_t *paths = json_object();
    for (const struct pl_rest_route *route = version->routes; route->path; route++) {
        char path[PATH_TEXT];
        snprintf(path, sizeof path, "/%s", route->path);
        json_t *item = json_object_get(paths, path);
        if (!item) {
            item = json_object();
            json_object_set_new(paths, path, item);
        }
        json_object_set_new(item, names[route->method], operation_of(route));
    }
    return paths;
}

/* ---- What is shared; as text, which is how it is read best ---- */

static const struct {
    const char *group, *name, *text;
} shared[] = {
    {"securitySchemes", "token", "{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}"},
    {"parameters", "CorrelationId",
     "{\"name\":\"x-correlation-id\",\"in\":\"header\",\"required\":false,\"description\":"
     "\"Comes back as x-request-id,"
     " and is in the audit; one is made where none came.\",\"schema\":{\"type\":"
     "\"string\",\"maxLength\":128,\"pattern\":\"^[A-Za-z0-9._:~+/=-]*$\"}}"},
    {"parameters", "IdempotencyKey",
     "{\"name\":\"idempotency-key\",\"in\":\"header\",\"required\":false,\"description\":"
     "\"The same key and body again get the same answer,"
     " and nothing is done twice; an empty one is none.\",\"schema\":{\"type\":\"string\","
     "\"maxLength\":128,\"pattern\":\"^[!-~]*$\"}}"},
    {"parameters", "LastEventId",
     "{\"name\":\"last-event-id\",\"in\":\"header\",\"required\":false,\"description\":"
     "\"Go on behind this one; what is not kept, or was none, is told as a gap.\",\"schema\":{\"type\":\"string\"}}"},
    {"parameters", "Limit",
     "{\"name\":\"limit\",\"in\":\"query\",\"required\":false,\"description\":\"Of a page.\","
     "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}}"},
    {"parameters", "Cursor",
     "{\"name\":\"cursor\",\"in\":\"query\",\"required\":false,\"description\":"
     "\"Of the next page, as the header link gives it; another one is 404.\",\"schema\":{\"type\":\"string\","
     "\"minLength\":1,\"maxLength\":428,\"pattern\":\"^[A-Za-z0-9_-]+$\"}}"},
    {"headers", "RequestId",
     "{\"description\":\"The correlation id.\",\"required\":true,\"schema\":{\"type\":"
     "\"string\"}}"},
    {"headers", "CacheControl",
     "{\"description\":\"Nothing is kept.\",\"required\":true,\"schema\":{\"type\":\"string\","
     "\"const\":\"no-cache\"}}"},
    {"headers", "Location", "{\"description\":\"Where the new resource is.\",\"schema\":{\"type\":\"string\"}}"},
    {"headers", "Link",
     "{\"description\":\"The next page, if there is one (rel=next).\",\"schema\":{"
     "\"type\":\"string\"}}"},
    {"responses", "Problem",
     "{\"description\":\"What was wrong (RFC 9457).\",\"headers\":{\"x-request-id\":{"
     "\"$ref\":\"#/components/headers/RequestId\"}},\"content\":{"
     "\"application/problem+json\":{\"schema\":{\"$ref\":"
     "\"#/components/schemas/Problem\"}}}}"},
    {"schemas", "Problem",
     "{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"detail\","
     "\"correlationId\"],\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":"
     "\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\",\"pattern\":"
     "\"^ERR-[0-9]{4}$\"},\"detail\":{\"type\":\"string\"},\"instance\":{\"type\":\"string\"},"
     "\"correlationId\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"object\",\"required\":[\"pointer\",\"message\"],\"properties\":{\"pointer\":{\"type\":"
     "\"string\"},\"message\":{\"type\":\"string\"}}}}}}"},
    {"schemas", "Links",
     "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"rel\",\"href\"],"
     "\"properties\":{\"rel\":{\"type\":\"string\"},\"href\":{\"type\":\"string\"}}}}"},
    {"schemas", "Document",
     "{\"type\":\"object\",\"required\":[\"openapi\",\"paths\"],\"properties\":{\"openapi\":{\"type\":\"string\"},"
     "\"paths\":"
     "{\"type\":\"object\"}}}"},
    {"schemas", "Event",
     "{\"type\":\"object\",\"required\":[\"data\"],\"description\":\"One of the "
     "stream.\",\"properties\":{\"id\":{\"type\":"
     "\"string\"},\"event\":{\"type\":\"string\"},\"data\":{\"type\":\"string\",\"description\":\"A row as JSON.\"}}}"},
    {"schemas", "Row",
     "{\"type\":\"object\",\"properties\":{\"links\":{\"$ref\":"
     "\"#/components/schemas/Links\"}}}"},
    {"schemas", "Done",
     "{\"type\":\"object\",\"required\":[\"status\",\"results\"],\"properties\":{\"id\":{\"type\":"
     "\"string\"},\"status\":{\"enum\":[\"done\",\"created\",\"accepted\"]},"
     "\"creationTimestamp\":{\"type\":\"string\",\"format\":\"date-time\"},\"results\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"links\":{\"$ref\":"
     "\"#/components/schemas/Links\"}}}"},
    {"schemas", "Token",
     "{\"type\":\"object\",\"required\":[\"tokenId\",\"status\",\"accessToken\",\"tokenType\","
     "\"expiresIn\",\"refreshToken\",\"user\",\"role\",\"creationTimestamp\",\"links\"],"
     "\"properties\":{\"tokenId\":{\"type\":\"string\"},\"status\":{\"const\":\"created\"},"
     "\"accessToken\":{\"type\":\"string\"},\"tokenType\":{\"const\":\"Bearer\"},\"expiresIn\":{"
     "\"type\":\"integer\"},\"refreshToken\":{\"type\":\"string\"},\"user\":{\"type\":\"string\"},"
     "\"role\":{\"type\":\"string\"},\"creationTimestamp\":{\"type\":\"string\",\"format\":"
     "\"date-time\"},\"links\":{\"$ref\":\"#/components/schemas/Links\"}}}"},
    {"schemas", "ModelCreated",
     "{\"type\":\"object\",\"required\":[\"modelId\",\"modelName\",\"status\","
     "\"creationTimestamp\",\"links\"],\"properties\":{\"modelId\":{\"type\":\"string\"},"
     "\"modelName\":{\"type\":\"string\"},\"status\":{\"const\":\"created\"},"
     "\"creationTimestamp\":{\"type\":\"string\",\"format\":\"date-time\"},\"links\":{\"$ref\":"
     "\"#/components/schemas/Links\"}},\"additionalProperties\":false}"},
    {"schemas", "Model",
     "{\"type\":\"object\",\"required\":[\"modelId\",\"modelName\",\"status\","
     "\"creationTimestamp\",\"lastModified\",\"parameters\",\"links\"],\"properties\":{"
     "\"modelId\":{\"type\":\"string\"},\"modelName\":{\"type\":\"string\"},\"status\":{\"enum\":"
     "[\"created\",\"updated\"]},\"creationTimestamp\":{\"type\":\"string\",\"format\":"
     "\"date-time\"},\"lastModified\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"description\":{\"type\":\"string\"},\"parameters\":{\"type\":\"object\"},\"revision\":{"
     "\"type\":\"integer\"},\"links\":{\"$ref\":\"#/components/schemas/Links\"}}}"},
    {"schemas", "Run",
     "{\"type\":\"object\",\"required\":[\"runId\",\"modelId\",\"modelName\",\"status\","
     "\"creationTimestamp\",\"until\",\"every\",\"links\"],\"properties\":{\"runId\":{\"type\":"
     "\"string\"},\"modelId\":{\"type\":\"string\"},\"modelName\":{\"type\":\"string\"},"
     "\"status\":{\"enum\":[\"queued\",\"running\",\"done\",\"failed\"]},\"creationTimestamp\":{"
     "\"type\":\"string\",\"format\":\"date-time\"},\"user\":{\"type\":\"string\"},\"until\":{"
     "\"type\":\"number\"},\"every\":{\"type\":\"number\"},\"time\":{\"type\":\"array\"},"
     "\"outputs\":{\"type\":\"object\"},\"steps\":{\"type\":\"object\"},\"error\":{\"type\":"
     "\"object\"},\"links\":{\"$ref\":\"#/components/schemas/Links\"}}}"},
    {"schemas", "Profile",
     "{\"type\":\"object\",\"required\":[\"time\",\"quantity\",\"unit\",\"positions\",\"values\"],"
     "\"properties\":{\"time\":{\"type\":\"number\"},\"quantity\":{\"type\":\"string\"},\"unit\":{"
     "\"type\":\"string\"},\"positions\":{\"type\":\"array\",\"items\":{\"type\":\"number\"}},"
     "\"values\":{\"type\":\"array\",\"items\":{\"type\":[\"number\",\"null\"]}}}}"},
    {"schemas", "Dashboard",
     "{\"type\":\"object\",\"required\":[\"dashboardId\",\"title\",\"owner\","
     "\"creationTimestamp\",\"panels\",\"links\"],\"properties\":{\"dashboardId\":{\"type\":"
     "\"string\"},\"title\":{\"type\":\"string\"},\"owner\":{\"type\":\"string\"},\"status\":{"
     "\"type\":\"string\"},\"creationTimestamp\":{\"type\":\"string\",\"format\":\"date-time\"},"
     "\"lastModified\":{\"type\":\"string\",\"format\":\"date-time\"},\"panels\":{\"type\":"
     "\"array\",\"items\":{\"type\":\"object\"}},\"links\":{\"$ref\":"
     "\"#/components/schemas/Links\"}}}"},
};

static json_t *components(void) {
    json_t *all = json_object();
    for (unsigned i = 0; i < PL_COUNT_OF(shared); i++) {
        json_t *group = json_object_get(all, shared[i].group);
        if (!group) json_object_set_new(all, shared[i].group, group = json_object());
        json_object_set_new(group, shared[i].name, json_loads(shared[i].text, 0, NULL));
    }
    return all;
}

char *pl__openapi(const struct pl_rest_version *version) {
    char server[PATH_TEXT];
    snprintf(server, sizeof server, PL_REST_BASE "%s", version->name);
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:o}", "openapi", "3.1.0", "info", "title", "Potline",
        "version", POTLINE_VERSION, "description",
        "Sensors, windows, models, set points, alarms, rules and graphs of a running engine. Sign in at tokens; errors "
        "are problem documents (RFC 9457) with a code.",
        "license", "name", "see LICENSE", "identifier", "LicenseRef-Potline", "servers", "url", server, "paths",
        paths_of(version), "components", components());
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL, *copy = text ? pl_strdup(text) : NULL;
    free(text);
    json_decref(document);
    return copy;
}

void pl__openapi_answer(struct pl__call *call) {
    struct pl_http_reply reply;
    const char *document = call->rest->document;
    pl__answer_begin(call, &reply, PL__OK, "application/json");
    reply.lasting = document;
    reply.lasting_size = strlen(document);
    pl__answer_reply(call, &reply);
}
