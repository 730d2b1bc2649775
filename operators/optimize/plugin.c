/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

extern const struct pl_operator optimize_setpoints_operator;

PL_PLUGIN(optimize, "1.0", &optimize_setpoints_operator)
