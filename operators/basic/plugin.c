#include "basic.h"

PL_PLUGIN(basic, "1.0", &pl__sink_null, &pl__source_generator)
