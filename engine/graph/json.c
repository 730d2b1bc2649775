/* json.c: the few calls of jansson that the drawings and the catalogue need. */
#include "json.h"

json_t *pl__json_with(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) == 0) return object;
    json_decref(object);
    return NULL;
}

json_t *pl__json_with_text(json_t *object, const char *key, const char *text) {
    return text ? pl__json_with(object, key, json_string(text)) : object;
}

json_t *pl__json_append(json_t *list, json_t *value) {
    if (json_array_append_new(list, value) == 0) return list;
    json_decref(list);
    return NULL;
}

bool pl__json_print(json_t *value, FILE *out) {
    if (!value) return false;
    bool good = json_dumpf(value, out, JSON_INDENT(2)) == 0;
    fputc('\n', out);
    json_decref(value);
    return good;
}
