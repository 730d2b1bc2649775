/* registry.c: finding plugins, checking that they fit, and the table of operators they offer. */
#include "registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "models.h"

enum { OPERATORS_MAX = 1024 };

struct entry {
    const struct pl_operator *op;
    char *file;
    const char *version; /* its plugin's, or "" */
};

static struct entry entries[OPERATORS_MAX]; /* in order of name */
static unsigned entry_count;
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static unsigned place_of(const char *name) {
    unsigned at = 0;
    while (at < entry_count && strcmp(entries[at].op->name, name) < 0)
        at++;
    return at;
}

static bool add(const struct pl_operator *op, const char *file, const char *version) {
    unsigned at = place_of(op->name);
    if (entry_count == OPERATORS_MAX) return false;
    if (at < entry_count && strcmp(entries[at].op->name, op->name) == 0) return false;
    memmove(&entries[at + 1], &entries[at], (entry_count - at) * sizeof *entries);
    entries[at] = (struct entry){.op = op, .file = pl_strdup(file), .version = version ? version : ""};
    entry_count++;
    return true;
}

/* Compares the numbers that a plugin was built with to ours, field by field; says what differs. */
static bool fits(const struct pl_plugin *plugin, const char *file) {
    if (plugin->magic != PL_PLUGIN_MAGIC) {
        pl_diag(PL_WARN, "%s: no Potline plugin (its magic is 0x%08x)", file, plugin->magic);
        return false;
    }
    if (plugin->abi_major != PL_ABI_MAJOR || plugin->abi_minor > PL_ABI_MINOR) {
        pl_diag(PL_WARN, "%s: built for ABI %u.%u, engine offers %u.%u", file, plugin->abi_major, plugin->abi_minor,
                PL_ABI_MAJOR, PL_ABI_MINOR);
        return false;
    }
    const struct {
        const char *what;
        size_t theirs, ours;
    } sizes[] = {
        {"struct pl_option", plugin->option_size, sizeof(struct pl_option)},
        {"struct pl_batch", plugin->batch_size, sizeof(struct pl_batch)},
        {"struct pl_record", plugin->record_size, sizeof(struct pl_record)},
    };
    for (unsigned i = 0; i < PL_COUNT_OF(sizes); i++) {
        if (sizes[i].theirs == sizes[i].ours) continue;
        pl_diag(PL_WARN, "%s: its %s has %zu bytes, the engine's %zu", file, sizes[i].what, sizes[i].theirs,
                sizes[i].ours);
        return false;
    }
    if (plugin->operator_size > sizeof(struct pl_operator)) {
        pl_diag(PL_WARN, "%s: its struct pl_operator has %u bytes, the engine's %zu", file, plugin->operator_size,
                sizeof(struct pl_operator));
        return false;
    }
    return true;
}

/* A descriptor of an older plugin is shorter; the engine works on a full one whose tail is NULL. */
static const struct pl_operator *full_descriptor(const struct pl_operator *op) {
    if (op->size == sizeof *op) return op;
    struct pl_operator *full = PL_NEW(struct pl_operator);
    if (full) memcpy(full, op, op->size);
    return full;
}

static bool well_formed(const struct pl_operator *op, const char *file) {
    const char *wrong = NULL;
    if (!op->name || !op->name[0])
        wrong = "an operator without a name";
    else if (op->size == 0 || op->size > sizeof *op)
        wrong = "a descriptor not made with PL_OPERATOR";
    else if (op->instance_size == 0)
        wrong = "no instance_size";
    else if (!op->inputs && !op->produce)
        wrong = "a source without produce";
    else if (op->inputs && !op->process)
        wrong = "inputs but no process";
    if (wrong) pl_diag(PL_WARN, "%s: %s: %s", file, op->name ? op->name : "?", wrong);
    return !wrong;
}

static void load_plugin(const char *file) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        pl_diag(PL_WARN, "%s", dlerror());
        return;
    }
    const struct pl_plugin *plugin = dlsym(handle, PL_PLUGIN_SYMBOL);
    if (!plugin) {
        pl_diag(PL_WARN, "%s: no Potline plugin (it has no symbol %s)", file, PL_PLUGIN_SYMBOL);
    } else if (fits(plugin, file)) {
        for (const struct pl_operator *const *op = plugin->operators; *op; op++) {
            const struct pl_operator *full = full_descriptor(*op);
            if (!full || !well_formed(full, file)) continue;
            if (!add(full, file, plugin->version) &&
                pl_registry_find(full->name) != full) /* not the same file by another path */
                pl_diag(PL_WARN, "%s: operator %s is there already, from %s", file, full->name,
                        pl_registry_plugin(pl_registry_find(full->name)));
        }
        const struct pl_model_suite *models = dlsym(handle, PL_MODEL_SYMBOL);
        if (models) pl_models_add(models, file);
        return; /* stays open for the life of the process: its descriptors are in use */
    }
    dlclose(handle);
}

static int is_plugin(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".so") == 0;
}

static void load_folder(const char *folder) {
    struct dirent **list;
    int n = scandir(folder, &list, is_plugin, alphasort);
    if (n < 0) return;
    for (int i = 0; i < n; i++) {
        char file[PATH_MAX];
        if (snprintf(file, sizeof file, "%s/%s", folder, list[i]->d_name) < (int)sizeof file) load_plugin(file);
        free(list[i]);
    }
    free(list);
}

/* BIN/potline -> BIN/../lib/potline, for the build tree as for an installed one; LIBDIR may be a level deeper. */
static void load_own_folder(void) {
    char exe[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length <= 0) return;
    exe[length] = 0;
    char *slash = strrchr(exe, '/');
    if (slash) *slash = 0;
    static const char *const places[] = {"../lib/potline", "../lib/x86_64-linux-gnu/potline",
                                         "../lib/aarch64-linux-gnu/potline"};
    for (unsigned i = 0; i < PL_COUNT_OF(places); i++) {
        char folder[PATH_MAX];
        if (snprintf(folder, sizeof folder, "%s/%s", exe, places[i]) < (int)sizeof folder) load_folder(folder);
    }
}

static void load_all(void) {
    const char *path = getenv("POTLINE_PLUGIN_PATH");
    char *copy = path ? pl_strdup(path) : NULL;
    char *rest = copy;
    for (char *folder; (folder = strsep(&rest, ":"));)
        if (*folder) load_folder(folder);
    pl_free(copy);
    load_own_folder();
}

void pl_registry_load(void) {
    pthread_once(&loaded, load_all);
}

void pl_registry_load_one(const char *file) {
    load_plugin(file);
}

bool pl_registry_add(const struct pl_operator *op) {
    return well_formed(op, "(built in)") && add(op, "(built in)", NULL);
}

const struct pl_operator *pl_registry_find(const char *name) {
    unsigned at = place_of(name);
    return at < entry_count && strcmp(entries[at].op->name, name) == 0 ? entries[at].op : NULL;
}

unsigned pl_registry_count(void) {
    return entry_count;
}

const struct pl_operator *pl_registry_get(unsigned index) {
    return index < entry_count ? entries[index].op : NULL;
}

const char *pl_registry_plugin(const struct pl_operator *op) {
    for (unsigned i = 0; i < entry_count; i++)
        if (entries[i].op == op) return entries[i].file;
    return "";
}

const char *pl_registry_version(const struct pl_operator *op) {
    for (unsigned i = 0; i < entry_count; i++)
        if (entries[i].op == op) return entries[i].version;
    return "";
}

const char *pl_registry_nearest(const char *name) {
    const char *names[OPERATORS_MAX];
    for (unsigned i = 0; i < entry_count; i++)
        names[i] = entries[i].op->name;
    return pl_text_nearest(name, names, entry_count);
}
