/* ndjson.h: the operators of this plugin. */
#ifndef POTLINE_NDJSON_H
#define POTLINE_NDJSON_H

#include <potline/operator.h>

extern const struct pl_operator pl__source_ndjson;
extern const struct pl_operator pl__sink_ndjson;

#endif
