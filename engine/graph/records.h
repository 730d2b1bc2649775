/* records.h: a list of records from a CSV file, as the tree that the same records would make inline.
 *
 *     tag,address,type                 [ { tag: pot1.voltage, address: "100", type: float32 } ]
 *     pot1.voltage,100,float32   ->
 *
 * The first line names the columns. Comma, semicolon or tab separate, whichever the first line uses; fields may stand
 * in double quotes. An empty field is an option not given; one that starts with '[' or '{' is YAML. Empty lines and
 * lines that start with '#' are skipped. Every field knows its line and column.
 */
#ifndef POTLINE_GRAPH_RECORDS_H
#define POTLINE_GRAPH_RECORDS_H

#include "yaml.h"

/* Makes the scalar `value`, which holds a path, into the list that its file holds. A reason when the file cannot be
 * read (as `no such file`). After an error it stands for any value; one within the file has been reported. */
const char *pl__records_read(struct pl_yaml_context *context, struct pl_yaml *value);

#endif
