/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

#include "ndjson.h"

PL_PLUGIN(ndjson, "1.0", &pl__source_ndjson, &pl__sink_ndjson)
