/* plugin.h: how a shared object offers operators.
 *
 *     PL_PLUGIN(window, "1.0", &window_tumbling, &window_sliding)
 *
 * at the end of one source file of the plugin defines its single exported symbol. The engine looks for plugins in the
 * folders of POTLINE_PLUGIN_PATH (separated by ':') and in its own; it compares the ABI block field by field and says
 * what differs: `libwindow.so: built for ABI 3.1, engine offers 2.4`. A plugin that offers models (model.h) and no
 * operator lists NULL.
 */
#ifndef POTLINE_PLUGIN_H
#define POTLINE_PLUGIN_H

#include "operator.h"

#define PL_PLUGIN_MAGIC 0x504c4731u /* "PLG1" */
#define PL_PLUGIN_SYMBOL "pl_plugin_info"

struct pl_plugin {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t operator_size;
    uint32_t option_size;
    uint32_t batch_size;
    uint32_t record_size;
    const char *name;
    const char *version;
    const struct pl_operator *const *operators; /* ends in NULL */
};

#define PL_PLUGIN(name_, version_, ...)                                                                                \
    __attribute__((visibility("default"))) const struct pl_plugin pl_plugin_info = {                                   \
        .magic = PL_PLUGIN_MAGIC,                                                                                      \
        .abi_major = PL_ABI_MAJOR,                                                                                     \
        .abi_minor = PL_ABI_MINOR,                                                                                     \
        .operator_size = sizeof(struct pl_operator),                                                                   \
        .option_size = sizeof(struct pl_option),                                                                       \
        .batch_size = sizeof(struct pl_batch),                                                                         \
        .record_size = sizeof(struct pl_record),                                                                       \
        .name = #name_,                                                                                                \
        .version = (version_),                                                                                         \
        .operators = (const struct pl_operator *const[]){__VA_ARGS__, NULL},                                           \
    };

#endif
