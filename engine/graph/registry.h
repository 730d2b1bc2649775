/* registry.h: the operators there are, by name, from the plugins found. */
#ifndef POTLINE_REGISTRY_H
#define POTLINE_REGISTRY_H

#include <potline/plugin.h>

/* Opens every plugin of POTLINE_PLUGIN_PATH and of the engine's own folder (once; later calls do nothing). A plugin
 * that does not fit is reported with pl_diag and left out. */
void pl_registry_load(void);

/* Opens this plugin alone, which an engine has found; for a process that runs one of its operators. */
void pl_registry_load_one(const char *file);

const struct pl_operator *pl_registry_find(const char *name); /* NULL: unknown */
unsigned pl_registry_count(void);
const struct pl_operator *pl_registry_get(unsigned index);     /* in order of name */
const char *pl_registry_plugin(const struct pl_operator *op);  /* the file it came from */
const char *pl_registry_version(const struct pl_operator *op); /* of its plugin, or "" */
const char *pl_registry_nearest(const char *name);             /* for 'did you mean', or NULL */

/* Adds an operator that is no plugin's (tests). It must outlive every use. False when the name is taken. */
bool pl_registry_add(const struct pl_operator *op);

#endif
