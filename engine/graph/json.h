/* json.h: building JSON values in which a failure travels up by itself.
 *
 *     json_t *port = pl__json_with(json_object(), "name", json_string("in"));
 *     list = pl__json_append(list, port);
 *
 * Each call takes both values and gives the first one back, or NULL (both freed) when one of them is NULL or memory is
 * short; so only the last value is looked at.
 */
#ifndef POTLINE_GRAPH_JSON_H
#define POTLINE_GRAPH_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

json_t *pl__json_with(json_t *object, const char *key, json_t *value);
json_t *pl__json_with_text(json_t *object, const char *key, const char *text); /* NULL: left out */
json_t *pl__json_append(json_t *list, json_t *value);

/* Prints a value and ends it; false when it is NULL, or without memory. */
bool pl__json_print(json_t *value, FILE *out);

#endif
