#include <potline/plugin.h>

#include "kafka.h"

PL_PLUGIN(kafka, "1.0", &pl__source_kafka, &pl__sink_kafka)
