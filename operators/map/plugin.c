/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

#include "join.h"
#include "map.h"

PL_PLUGIN(map, "1.1", &pl__map, &pl__join)
