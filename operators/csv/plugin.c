/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

#include "csv.h"

PL_PLUGIN(csv, "1.0", &pl__source_csv, &pl__sink_csv)
