#include "operators.h"

PL_PLUGIN(zeromq, "1.0", &pl__source_zmq, &pl__sink_zmq)
