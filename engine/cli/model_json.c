/* model_json.c: what `potline model` tells as JSON: numbers by the shortest text that reads back the same, where
 * jansson writes 17 digits of each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/text.h>

#include "model.h"

json_t *pl__model_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static bool put(const json_t *value, int depth);

static void put_line(int depth) {
    printf("\n%*s", depth, "");
}

/* Texts, whole numbers and words as jansson writes them. */
static bool put_plain(const json_t *value) {
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (text) fputs(text, stdout);
    free(text);
    return text != NULL;
}

static bool put_real(double value) {
    char text[PL_TEXT_F64_MAX];
    *pl_text_put_f64(text, value) = 0;
    printf("%s%s", text, strpbrk(text, ".e") ? "" : ".0"); /* it is no whole number to readers that tell them apart */
    return true;
}

static bool put_object(json_t *all, int depth) {
    const char *name;
    json_t *value;
    bool some = false;
    putchar('{');
    json_object_foreach(all, name, value) {
        if (some) putchar(',');
        some = true;
        put_line(depth + 1);
        json_t *text = json_string(name);
        bool good = text && put_plain(text);
        json_decref(text);
        if (!good) return false;
        fputs(": ", stdout);
        if (!put(value, depth + 1)) return false;
    }
    if (some) put_line(depth);
    putchar('}');
    return true;
}

static bool put_array(const json_t *all, int depth) {
    putchar('[');
    for (size_t i = 0; i < json_array_size(all); i++) {
        if (i) putchar(',');
        put_line(depth + 1);
        if (!put(json_array_get(all, i), depth + 1)) return false;
    }
    if (json_array_size(all)) put_line(depth);
    putchar(']');
    return true;
}

static bool put(const json_t *value, int depth) {
    if (json_is_object(value)) return put_object((json_t *)(uintptr_t)value, depth);
    if (json_is_array(value)) return put_array(value, depth);
    return json_is_real(value) ? put_real(json_real_value(value)) : put_plain(value);
}

int pl__model_json(json_t *value) {
    bool good = value && put(value, 0);
    if (good) putchar('\n');
    good = good && !fflush(stdout) && !ferror(stdout);
    if (!good && !(value && ferror(stdout))) /* what cannot be written is told at the end, by main.c */
        fputs("potline: out of memory\n", stderr);
    json_decref(value);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}
