/* plugin.c: what the plugin offers. */
#include <potline/plugin.h>

extern const struct pl_operator pl__source_modbus, pl__sink_modbus;

PL_PLUGIN(modbus, "1.0", &pl__source_modbus, &pl__sink_modbus)
