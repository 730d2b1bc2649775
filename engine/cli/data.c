#include "data.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "args.h"
#include "store/folder.h"
#include "store/version.h"

static bool make_folders(const char *path) {
    struct pl_error *error = NULL;
    if (pl_folders_make(path, &error) == PL_OK) return true;
    fputs("potline: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

char *pl_cli_data_parent(void) {
    char path[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length;
    if (state && *state)
        length = snprintf(path, sizeof path, "%s/potline", state);
    else
        length = snprintf(path, sizeof path, "%s/.local/state/potline", home ? home : "");
    return length < (int)sizeof path ? pl_strdup(path) : NULL;
}

char *pl_cli_data_folder(const char *given, const char *name) {
    char path[PATH_MAX], *parent = given ? NULL : pl_cli_data_parent();
    int length = -1;
    if (given)
        length = snprintf(path, sizeof path, "%s", given);
    else if (parent)
        length = snprintf(path, sizeof path, "%s/%s", parent, name);
    pl_free(parent);
    if (length < 1 || length >= (int)sizeof path) {
        fprintf(stderr, "potline: the name of the data folder is too long\n");
        return NULL;
    }
    return make_folders(path) ? pl_strdup(path) : NULL;
}

/* ---- The key ---- */

static bool complain(const struct pl_cli *cli, struct pl_error *error, const char *hint) {
    char *text = pl_error_text(error);
    fprintf(stderr, "potline %s: %s%s\n", cli->command->name, text ? text : "out of memory", hint);
    pl_free(text);
    pl_error_free(&error);
    return false;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool pl_cli_data_key(const struct pl_cli *cli, struct pl_store_key **key) {
    struct pl_error *error = NULL;
    char credential[PATH_MAX] = "";
    const char *path = pl_cli_get(cli, "key-file"), *folder = environment("CREDENTIALS_DIRECTORY");
    *key = NULL;
    if (path) setenv("POTLINE_KEY_FILE", path, 1); /* for processes that this one starts */
    if (!path) path = environment("POTLINE_KEY_FILE");
    if (path) return !pl_store_key_read(path, PL_STORE_KEY_FILE, key, &error) || complain(cli, error, "");
    if (!folder) return true;
    if (snprintf(credential, sizeof credential, "%s/potline-key", folder) >= (int)sizeof credential) return true;
    if (access(credential, F_OK) && errno == ENOENT) return true; /* the service's credentials are others */
    return !pl_store_key_read(credential, PL_STORE_KEY_CREDENTIAL, key, &error) || complain(cli, error, "");
}

bool pl_cli_data_fits(const struct pl_cli *cli, const char *folder, const struct pl_store_key *key) {
    struct pl_error *error = NULL;
    if (pl_store_key_check(folder, key, &error) == PL_USAGE)
        return complain(cli, error, key ? "" : " (--key-file FILE, or POTLINE_KEY_FILE)");
    pl_error_free(&error); /* damage is told by who opens it */
    return true;
}

bool pl_cli_data_key_of(const struct pl_cli *cli, const char *folder, struct pl_store_key **key) {
    if (!pl_cli_data_key(cli, key)) return false;
    if (pl_cli_data_fits(cli, folder, *key)) return true;
    pl_store_key_unref(*key);
    *key = NULL;
    return false;
}

/* ---- Temporary folders, and the end of one ---- */

char *pl_cli_data_temporary(void) {
    char path[PATH_MAX];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/potline-XXXXXX", folder && *folder ? folder : "/tmp");
    if (mkdtemp(path)) return pl_strdup(path);
    fprintf(stderr, "potline: cannot make a temporary folder %s: %s\n", path, strerror(errno));
    return NULL;
}

static bool remove_folder(const char *folder) {
    return rmdir(folder) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT;
}

static enum pl_code remove_version(void *arg, const char *name, const char *path, struct pl_error **error) {
    (void)arg, (void)name;
    enum pl_code code = pl_store_remove(path, error);
    if (!code) remove_folder(path);
    return code;
}

bool pl_cli_data_remove(const char *folder) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_store_remove(folder, &error);
    if (!code) code = pl_versions_each(folder, remove_version, NULL, &error);
    char *versions = code ? NULL : pl_version_path(folder, "");
    if (versions) remove_folder(versions);
    pl_free(versions);
    if (!code) return remove_folder(folder);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}
