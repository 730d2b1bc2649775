#include "schema.h"

#include <string.h>

#include <jansson.h>

#include <potline/alloc.h>

const char *const pl__schema_types[] = {"JSON", "AVRO"};

/* ---- The frame ---- */

bool pl__frame_read(const void *bytes, size_t size, uint32_t *id) {
    const unsigned char *at = bytes;
    if (size < PL__FRAME || at[0] != 0) return false;
    *id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    return true;
}

char *pl__frame_put(char *at, uint32_t id) {
    *at++ = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (char)(id >> shift);
    return at;
}

/* ---- Reading ---- */

static bool has_objects(const json_t *types) {
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type && strcmp(type, "object") == 0) return true;
    }
    return !json_is_array(types);
}

/* Of JSON Schema only this is asked: that it is one, and of objects. How rows are made of them the options say. */
static enum pl_code look_at_json(const char *text, size_t length, struct pl_error **error) {
    /* Bounds of 64 bits without sign, and patterns with \u0000, are in many a schema, and of no concern here. */
    const size_t how = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL;
    json_t *schema = json_loadb(text, length, how, NULL);
    const json_t *types = json_object_get(schema, "type");
    const char *type = json_string_value(types);
    enum pl_code code = PL_OK;
    if (!json_is_object(schema) && !json_is_true(schema))
        code = pl_error_set(error, PL_SYNTAX, "it is no JSON Schema");
    else if (type && strcmp(type, "object") != 0)
        code = pl_error_set(error, PL_SYNTAX, "it describes no object, but: %.60s", type);
    else if (!has_objects(types))
        code = pl_error_set(error, PL_SYNTAX, "it describes no object, but other types");
    json_decref(schema);
    return code;
}

static enum pl_code read_text(const char *type, const char *text, struct pl__schema *schema, struct pl_error **error) {
    size_t length = strlen(text);
    if (length > PL__SCHEMA_MAX)
        return pl_error_set(error, PL_LIMIT, "it has %zu bytes, more than %d are not read", length, PL__SCHEMA_MAX);
    if (strcmp(type, pl__schema_types[PL__SCHEMA_JSON]) == 0) {
        schema->type = PL__SCHEMA_JSON;
        return look_at_json(text, length, error);
    }
    schema->type = PL__SCHEMA_AVRO;
    if (strcmp(type, pl__schema_types[PL__SCHEMA_AVRO]) == 0) return pl__avro_new(text, length, &schema->avro, error);
    return pl_error_set(error, PL_SYNTAX, "it is of type %.40s, and AVRO and JSON are read", type);
}

/* Where no type is said it is Avro. */
enum pl_code pl__schema_read(const json_t *body, struct pl__schema **schema, struct pl_error **error) {
    const json_t *type = json_object_get(body, "schemaType");
    const char *text = json_string_value(json_object_get(body, "schema"));
    *schema = NULL;
    if (!text || (type && !json_is_string(type)))
        return pl_error_set(error, PL_UNAVAILABLE, "what it answers is no schema");
    if (json_array_size(json_object_get(body, "references")))
        return pl_error_set(error, PL_SYNTAX, "it refers to other schemas, which is not read");
    *schema = PL_NEW(struct pl__schema);
    if (!*schema) return pl_error_set(error, PL_NO_MEMORY, "no memory for a schema");
    enum pl_code code = read_text(type ? json_string_value(type) : "AVRO", text, *schema, error);
    if (!code) return PL_OK;
    pl__schema_free(*schema);
    *schema = NULL;
    return code;
}

void pl__schema_free(struct pl__schema *schema) {
    if (!schema) return;
    pl__avro_free(schema->avro);
    pl_free(schema);
}

/* ---- Ours ---- */

/* As potline/row.h writes them. */
static json_t *property_of(const struct pl_column_info *column) {
    switch (column->type) {
    case PL_I64: return json_pack("{s:s,s:s}", "type", "string", "format", "date-time");
    case PL_F64: return json_pack("{s:[s,s,s]}", "type", "number", "string", "null");
    case PL_U32: return json_pack("{s:s}", "type", "integer");
    case PL_U16: return json_pack("{s:s}", "type", strcmp(column->name, "quality") == 0 ? "string" : "integer");
    default: return json_pack("{s:s}", "type", "string");
    }
}

static json_t *heap_of(enum pl_kind kind, const struct pl_column_info *heap) {
    if (heap->type == PL_F64)
        return json_pack("{s:s,s:{s:[s,s,s]}}", "type", "array", "items", "type", "number", "string", "null");
    if (kind == PL_EVENTS) return json_pack("{s:[s,s]}", "type", "object", "null");
    return json_pack("{s:s}", "type", "string");
}

static char *json_schema_of(enum pl_kind kind) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    json_t *properties = json_object(), *required = json_array();
    json_object_set_new(properties, "type", json_pack("{s:s}", "const", info->name));
    for (unsigned i = 0; i < (info->heaps ? info->end : info->columns); i++) {
        json_object_set_new(properties, info->column[i].name, property_of(&info->column[i]));
        json_array_append_new(required, json_string(info->column[i].name));
    }
    for (unsigned i = 0; i < info->heaps; i++)
        json_object_set_new(properties, info->heap[i].name, heap_of(kind, &info->heap[i]));
    json_t *schema =
        json_pack("{s:s,s:s+,s:s,s:o,s:o}", "$schema", "http://json-schema.org/draft-07/schema#", "title", "potline.",
                  info->name, "type", "object", "properties", properties, "required", required);
    char *dumped = schema ? json_dumps(schema, JSON_COMPACT) : NULL;
    char *text = dumped ? pl_strdup(dumped) : NULL;
    free(dumped);
    json_decref(schema);
    return text;
}

char *pl__schema_text(enum pl__schema_type type, enum pl_kind kind) {
    return type == PL__SCHEMA_AVRO ? pl__avro_schema_of(kind) : json_schema_of(kind);
}
