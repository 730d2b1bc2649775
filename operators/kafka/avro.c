/* avro.c: the text of a schema, compiled (Avro 1.12 specification, "Schema Declaration"). */
#include "avro_impl.h"

#include <string.h>

#include <jansson.h>

#include <potline/alloc.h>

enum { NAMES_MAX = 1 << 20, NAMED_MAX = 1024, SCALE_MAX = 1000 };

static const char *const kinds[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                    "string", "fixed",   "enum", "array", "map",   "union",  "record"};

struct compile {
    struct pl__avro *avro;
    struct {
        uint32_t name, length, type;
    } named[NAMED_MAX];
    unsigned named_count;
    unsigned depth;
    struct pl_error **error;
};

static enum pl_code wrong(const struct compile *c, const char *what, const char *text) {
    return pl_error_set(c->error, PL_SYNTAX, "%s%s%.100s", what, text ? " " : "", text ? text : "");
}

/* NULL: it is no text, or has a 0 in it; elsewhere (as in the default of bytes) there may be one. */
static const char *text_of(const json_t *value) {
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* ---- Room ---- */

static enum pl_code grow(const struct compile *c, void **array, uint32_t *room, uint32_t needed, size_t size,
                         uint32_t most) {
    if (needed > most) return pl_error_set(c->error, PL_LIMIT, "it is larger than any schema that is read");
    if (needed <= *room) return PL_OK;
    uint32_t more = 2 * needed + 16;
    void *grown = pl_realloc(*array, more * size);
    if (!grown) return pl_error_set(c->error, PL_NO_MEMORY, "no memory for a schema");
    *array = grown;
    *room = more;
    return PL_OK;
}

static enum pl_code add_type(struct compile *c, uint32_t *index) {
    struct pl__avro *a = c->avro;
    enum pl_code code = grow(c, (void **)&a->type, &a->type_room, a->type_count + 1, sizeof *a->type, PL__AVRO_TYPES);
    if (code) return code;
    *index = a->type_count++;
    a->type[*index] = (struct pl__avro_type){0};
    return PL_OK;
}

/* Parts stay together, whatever else is made between them. */
static enum pl_code add_parts(struct compile *c, uint32_t type, size_t count) {
    struct pl__avro *a = c->avro;
    if (count > PL__AVRO_TYPES)
        return pl_error_set(c->error, PL_LIMIT, "something in it has more than %d parts", PL__AVRO_TYPES);
    uint32_t needed = a->part_count + (uint32_t)count;
    enum pl_code code = grow(c, (void **)&a->part, &a->part_room, needed, sizeof *a->part, 2 * PL__AVRO_TYPES);
    if (code) return code;
    a->type[type].first = a->part_count;
    a->type[type].count = (uint32_t)count;
    if (count) memset(a->part + a->part_count, 0, count * sizeof *a->part);
    a->part_count = needed;
    return PL_OK;
}

static enum pl_code add_name(struct compile *c, const char *space, const char *name, uint32_t *at) {
    struct pl__avro *a = c->avro;
    size_t before = *space ? strlen(space) + 1 : 0, length = strlen(name);
    if (before + length > NAMES_MAX) return pl_error_set(c->error, PL_LIMIT, "a name in it is too long");
    uint32_t needed = a->name_size + (uint32_t)(before + length + 1);
    enum pl_code code = grow(c, (void **)&a->names, &a->name_room, needed, 1, NAMES_MAX);
    if (code) return code;
    *at = a->name_size;
    snprintf(a->names + *at, before + length + 1, "%s%s%s", space, before ? "." : "", name);
    a->name_size = needed;
    return PL_OK;
}

/* ---- Names ---- */

static bool is_name(const char *text, bool dots) {
    bool first = true;
    for (; text && *text; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || *text == '_';
        bool later = (*text >= '0' && *text <= '9') || (dots && *text == '.');
        if (!letter && (first || !later)) return false;
        first = *text == '.';
    }
    return text && !first;
}

static bool find_whole(const struct compile *c, const char *space, const char *name, uint32_t *type) {
    size_t before = *space ? strlen(space) + 1 : 0, length = strlen(name);
    for (unsigned i = 0; i < c->named_count; i++) {
        const char *known = c->avro->names + c->named[i].name;
        if (c->named[i].length != before + length || strcmp(known + before, name) != 0) continue;
        if (before && (known[before - 1] != '.' || memcmp(known, space, before - 1) != 0)) continue;
        *type = c->named[i].type;
        return true;
    }
    return false;
}

static enum pl_code find_named(const struct compile *c, const char *space, const char *name, uint32_t *type) {
    if (!strchr(name, '.') && find_whole(c, space, name, type)) return PL_OK;
    return find_whole(c, "", name, type) ? PL_OK : wrong(c, "no type is called", name);
}

static unsigned kind_called(const char *name) {
    unsigned kind = 0;
    while (kind < PL_COUNT_OF(kinds) && strcmp(kinds[kind], name) != 0)
        kind++;
    return kind == PL__AVRO_UNION ? PL_COUNT_OF(kinds) : kind;
}

/* Two of one name: *names has those before. */
static enum pl_code note_name(const struct compile *c, json_t *names, const char *name, const char *what) {
    if (json_object_get(names, name)) return wrong(c, what, name);
    return json_object_set_new(names, name, json_true())
               ? pl_error_set(c->error, PL_NO_MEMORY, "no memory for a schema")
               : PL_OK;
}

/* Gives a type its full name, and the namespace of what is inside, which is borrowed from the schema or *copy. */
static enum pl_code name_type(struct compile *c, const json_t *schema, const char *space, uint32_t type,
                              char **inside) {
    const char *name = text_of(json_object_get(schema, "name"));
    const char *own = text_of(json_object_get(schema, "namespace"));
    if (!is_name(name, true)) return wrong(c, "a type has no name, or one that is none:", name);
    if (own && *own && !is_name(own, true)) return wrong(c, "no namespace:", own);
    if (c->named_count == NAMED_MAX) return pl_error_set(c->error, PL_LIMIT, "it names more than %d types", NAMED_MAX);
    uint32_t at = 0, before = 0;
    const char *dot = strrchr(name, '.');
    const char *of = dot ? "" : own ? own : space;
    if (kind_called(dot ? dot + 1 : name) < PL__AVRO_PRIMITIVES)
        return wrong(c, "a type is called like one that there is without a schema:", name);
    if (find_whole(c, of, name, &before)) return wrong(c, "two types are called", name);
    enum pl_code code = add_name(c, of, name, &at);
    if (code) return code;
    c->named[c->named_count].name = at;
    c->named[c->named_count].length = c->avro->name_size - at - 1;
    c->named[c->named_count++].type = type;
    const char *full = c->avro->names + at;
    dot = strrchr(full, '.');
    *inside = pl_strdup(full);
    if (!*inside) return pl_error_set(c->error, PL_NO_MEMORY, "no memory for a schema");
    (*inside)[dot ? dot - full : 0] = 0;
    return PL_OK;
}

/* ---- Types ---- */

static enum pl_code compile(struct compile *c, const json_t *schema, const char *space, uint32_t *type);

static enum pl_code compile_part(struct compile *c, const json_t *schema, const char *space, uint32_t part) {
    uint32_t made = 0;
    enum pl_code code = compile(c, schema, space, &made);
    if (!code) c->avro->part[part].type = made;
    return code;
}

static enum pl_code compile_union(struct compile *c, const json_t *schema, const char *space, uint32_t type) {
    size_t count = json_array_size(schema);
    if (!count) return wrong(c, "a union has no branch", NULL);
    enum pl_code code = add_parts(c, type, count);
    uint32_t first = c->avro->type[type].first;
    for (uint32_t i = 0; !code && i < count; i++) {
        code = compile_part(c, json_array_get(schema, i), space, first + i);
        if (!code && c->avro->type[c->avro->part[first + i].type].kind == PL__AVRO_UNION)
            code = wrong(c, "a union has a union in it", NULL);
    }
    return code;
}

static enum pl_code compile_field(struct compile *c, const json_t *field, const char *space, uint32_t part,
                                  json_t *names) {
    const char *name = text_of(json_object_get(field, "name"));
    uint32_t at = 0;
    if (!is_name(name, false)) return wrong(c, "a field has no name, or one that is none:", name);
    enum pl_code code = note_name(c, names, name, "two fields of a record are called");
    if (!code) code = add_name(c, "", name, &at);
    if (!code) c->avro->part[part].name = at;
    return code ? code : compile_part(c, json_object_get(field, "type"), space, part);
}

static enum pl_code compile_record(struct compile *c, const json_t *schema, const char *space, uint32_t type) {
    const json_t *fields = json_object_get(schema, "fields");
    if (!json_is_array(fields)) return wrong(c, "a record has no fields", NULL);
    size_t count = json_array_size(fields);
    enum pl_code code = add_parts(c, type, count);
    uint32_t first = c->avro->type[type].first;
    json_t *names = json_object();
    for (uint32_t i = 0; !code && i < count; i++)
        code = compile_field(c, json_array_get(fields, i), space, first + i, names);
    json_decref(names);
    return code;
}

static enum pl_code compile_symbol(struct compile *c, const char *name, uint32_t part, json_t *names) {
    uint32_t at = 0;
    if (!is_name(name, false)) return wrong(c, "a symbol is no name:", name);
    enum pl_code code = note_name(c, names, name, "two symbols of an enum are called");
    if (!code) code = add_name(c, "", name, &at);
    if (!code) c->avro->part[part].name = at;
    return code;
}

static enum pl_code compile_enum(struct compile *c, const json_t *schema, uint32_t type) {
    const json_t *symbols = json_object_get(schema, "symbols");
    size_t count = json_array_size(symbols);
    enum pl_code code = count ? add_parts(c, type, count) : wrong(c, "an enum has no symbols", NULL);
    uint32_t first = c->avro->type[type].first;
    json_t *names = json_object();
    for (uint32_t i = 0; !code && i < count; i++)
        code = compile_symbol(c, text_of(json_array_get(symbols, i)), first + i, names);
    json_decref(names);
    return code;
}

static enum pl_code compile_items(struct compile *c, const json_t *items, const char *space, uint32_t type) {
    enum pl_code code = add_parts(c, type, 1);
    return code ? code : compile_part(c, items, space, c->avro->type[type].first);
}

static enum pl_code compile_fixed(struct compile *c, const json_t *schema, uint32_t type) {
    const json_t *size = json_object_get(schema, "size");
    json_int_t bytes = json_integer_value(size);
    if (!json_is_integer(size) || bytes < 0 || bytes > INT32_MAX) return wrong(c, "a fixed has no size", NULL);
    c->avro->type[type].size = (uint32_t)bytes;
    return PL_OK;
}

static enum pl_code compile_named(struct compile *c, const json_t *schema, const char *space, uint32_t type) {
    char *inside = NULL;
    enum pl_code code = name_type(c, schema, space, type, &inside);
    switch (c->avro->type[type].kind) {
    case PL__AVRO_RECORD: code = code ? code : compile_record(c, schema, inside, type); break;
    case PL__AVRO_ENUM: code = code ? code : compile_enum(c, schema, type); break;
    default: code = code ? code : compile_fixed(c, schema, type);
    }
    pl_free(inside);
    return code;
}

/* What is meant by numbers and bytes; a meaning that is not known is none, as the specification has it. */
static void note_logic(struct pl__avro_type *type, const json_t *schema) {
    static const struct {
        const char *name;
        uint8_t kind, logic;
        uint32_t unit;
    } logics[] = {
        {"timestamp-millis", PL__AVRO_LONG, PL__AVRO_TIME, PL_MILLISECOND},
        {"timestamp-micros", PL__AVRO_LONG, PL__AVRO_TIME, PL_MICROSECOND},
        {"timestamp-nanos", PL__AVRO_LONG, PL__AVRO_TIME, 1},
        {"local-timestamp-millis", PL__AVRO_LONG, PL__AVRO_LOCAL_TIME, PL_MILLISECOND},
        {"local-timestamp-micros", PL__AVRO_LONG, PL__AVRO_LOCAL_TIME, PL_MICROSECOND},
        {"local-timestamp-nanos", PL__AVRO_LONG, PL__AVRO_LOCAL_TIME, 1},
        {"decimal", PL__AVRO_BYTES, PL__AVRO_DECIMAL, 0},
        {"decimal", PL__AVRO_FIXED, PL__AVRO_DECIMAL, 0},
    };
    const char *name = text_of(json_object_get(schema, "logicalType"));
    json_int_t scale = json_integer_value(json_object_get(schema, "scale"));
    for (unsigned i = 0; name && i < PL_COUNT_OF(logics); i++) {
        if (logics[i].kind != type->kind || strcmp(logics[i].name, name) != 0) continue;
        if (logics[i].logic == PL__AVRO_DECIMAL && (scale < 0 || scale > SCALE_MAX)) return;
        type->logic = logics[i].logic;
        type->unit = logics[i].logic == PL__AVRO_DECIMAL ? (uint32_t)scale : logics[i].unit;
    }
}

/* {"type": NAME, ...}; also of {"type": {...}}, which is what stands inside. */
static enum pl_code compile_object(struct compile *c, const json_t *schema, const char *space, uint32_t *type) {
    const json_t *what = json_object_get(schema, "type");
    const char *name = text_of(what);
    if (!name) return what ? compile(c, what, space, type) : wrong(c, "something in it has no type", NULL);
    unsigned kind = kind_called(name);
    if (kind == PL_COUNT_OF(kinds)) return find_named(c, space, name, type);
    enum pl_code code = add_type(c, type);
    if (code) return code;
    c->avro->type[*type].kind = (uint8_t)kind;
    if (kind == PL__AVRO_ARRAY)
        code = compile_items(c, json_object_get(schema, "items"), space, *type);
    else if (kind == PL__AVRO_MAP)
        code = compile_items(c, json_object_get(schema, "values"), space, *type);
    else if (kind >= PL__AVRO_PRIMITIVES)
        code = compile_named(c, schema, space, *type);
    if (!code) note_logic(&c->avro->type[*type], schema);
    return code;
}

static enum pl_code compile_here(struct compile *c, const json_t *schema, const char *space, uint32_t *type) {
    if (json_is_object(schema)) return compile_object(c, schema, space, type);
    const char *name = text_of(schema);
    unsigned kind = name ? kind_called(name) : PL__AVRO_UNION;
    if (name && kind >= PL__AVRO_PRIMITIVES) return find_named(c, space, name, type);
    if (!name && !json_is_array(schema)) return wrong(c, "something in it has no type", NULL);
    enum pl_code code = add_type(c, type);
    if (code) return code;
    c->avro->type[*type].kind = (uint8_t)kind;
    return name ? PL_OK : compile_union(c, schema, space, *type);
}

static enum pl_code compile(struct compile *c, const json_t *schema, const char *space, uint32_t *type) {
    if (c->depth == PL__AVRO_DEPTH)
        return pl_error_set(c->error, PL_LIMIT, "it is nested deeper than %d", PL__AVRO_DEPTH);
    c->depth++;
    enum pl_code code = compile_here(c, schema, space, type);
    c->depth--;
    return code;
}

/* ---- Life ---- */

static bool is_of_objects(const struct pl__avro *avro, const struct pl__avro_type *type) {
    if (type->kind == PL__AVRO_RECORD || type->kind == PL__AVRO_MAP) return true;
    bool all = type->kind == PL__AVRO_UNION;
    for (uint32_t i = 0; all && i < type->count; i++) {
        unsigned kind = avro->type[avro->part[type->first + i].type].kind;
        all = kind == PL__AVRO_RECORD || kind == PL__AVRO_MAP;
    }
    return all;
}

static enum pl_code compile_whole(struct compile *c, const json_t *schema) {
    uint32_t first = 0;
    enum pl_code code = compile(c, schema, "", &first);
    if (code) return code;
    const struct pl__avro_type *type = &c->avro->type[first];
    return is_of_objects(c->avro, type) ? PL_OK : wrong(c, "it describes no record, but a", kinds[type->kind]);
}

enum pl_code pl__avro_new(const char *text, size_t length, struct pl__avro **avro, struct pl_error **error) {
    json_t *schema = json_loadb(text, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    struct compile *c = PL_NEW(struct compile);
    *avro = PL_NEW(struct pl__avro);
    enum pl_code code = PL_OK;
    if (!c || !*avro) {
        code = pl_error_set(error, PL_NO_MEMORY, "no memory for a schema");
    } else if (!schema) {
        code = pl_error_set(error, PL_SYNTAX, "it is no JSON");
    } else {
        c->avro = *avro;
        c->error = error;
        code = compile_whole(c, schema);
    }
    json_decref(schema);
    pl_free(c);
    if (!code) return PL_OK;
    pl__avro_free(*avro);
    *avro = NULL;
    return code;
}

void pl__avro_free(struct pl__avro *avro) {
    if (!avro) return;
    pl_free(avro->type);
    pl_free(avro->part);
    pl_free(avro->names);
    pl_free(avro);
}
