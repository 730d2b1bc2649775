/* new_operator.c: `potline new-operator`: the skeleton of a plugin, to begin with.
 *
 * It is made of the plugin template that comes with this potline (share.c): the files of common/ and those of the kind,
 * where each "example", in names of files and in text, becomes the name of the operator.
 */
#include "cli.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "graph/registry.h"

enum { NAME_MOST = 40, FILE_BYTES = 1 << 20 };

static const char placeholder[] = "example";
static const char *const kinds[] = {"filter", "source", "sink", NULL};

struct made {
    const char *name, *folder;
    unsigned count;
    struct pl_buffer names; /* of the files that it has written, each with its 0 */
};

/* ---- The name ---- */

static bool is_keyword(const char *name) {
    static const char *const words[] = {"auto",    "break",  "case",     "char",   "const",    "continue", "default",
                                        "do",      "double", "else",     "enum",   "extern",   "float",    "for",
                                        "goto",    "if",     "inline",   "int",    "long",     "register", "restrict",
                                        "return",  "short",  "signed",   "sizeof", "static",   "struct",   "switch",
                                        "typedef", "union",  "unsigned", "void",   "volatile", "while",    "main"};
    for (size_t i = 0; i < PL_COUNT_OF(words); i++)
        if (strcmp(words[i], name) == 0) return true;
    return false;
}

static bool good_name(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return islower((unsigned char)name[0]) && !name[length] && length <= NAME_MOST && !is_keyword(name);
}

/* A source or sink is called by what it is, too: source.NAME. */
static bool is_taken(const char *kind, const char *name) {
    char full[2 * NAME_MOST];
    snprintf(full, sizeof full, "%s%s%s", strcmp(kind, "filter") ? kind : "", strcmp(kind, "filter") ? "." : "", name);
    const struct pl_operator *op = pl_registry_find(full);
    if (op)
        fprintf(stderr, "potline new-operator: there is an operator %s already, of %s; take another name\n", full,
                pl_registry_plugin(op));
    return op != NULL;
}

/* ---- Files ---- */

static bool complain(const char *path) {
    fprintf(stderr, "potline new-operator: %s: %s\n", path, strerror(errno));
    return false;
}

static void put_renamed(struct pl_buffer *out, const char *text, size_t size, const char *name) {
    const char *end = text + size;
    for (const char *found; (found = memmem(text, (size_t)(end - text), placeholder, strlen(placeholder)));) {
        pl_buffer_put(out, text, (size_t)(found - text));
        pl_buffer_puts(out, name);
        text = found + strlen(placeholder);
    }
    pl_buffer_put(out, text, (size_t)(end - text));
}

static bool read_whole(const char *path, struct pl_buffer *text) {
    FILE *file = fopen(path, "r");
    if (!file) return complain(path);
    size_t got = 1;
    for (char *room; got && (room = pl_buffer_reserve(text, BUFSIZ));) {
        got = fread(room, 1, BUFSIZ, file);
        pl_buffer_commit(text, got);
    }
    bool good = !ferror(file) || complain(path);
    fclose(file);
    if (pl_buffer_failed(text)) fprintf(stderr, "potline new-operator: %s is too large for a template\n", path);
    return good && !pl_buffer_failed(text);
}

/* Never in the place of a file that is there. */
static bool write_whole(const char *path, const struct pl_buffer *text) {
    FILE *file = fopen(path, "wx");
    if (!file) return complain(path);
    bool good = fwrite(text->data, 1, text->size, file) == text->size;
    good = fclose(file) == 0 && good;
    return good || complain(path);
}

static bool copy_file(struct made *made, const char *from, const char *file) {
    char source[PATH_MAX], target[PATH_MAX];
    size_t start = made->names.size;
    put_renamed(&made->names, file, strlen(file), made->name);
    pl_buffer_putc(&made->names, 0);
    if (pl_buffer_failed(&made->names)) return false;
    const char *renamed = made->names.data + start;
    if (snprintf(source, sizeof source, "%s/%s", from, file) >= (int)sizeof source ||
        snprintf(target, sizeof target, "%s/%s", made->folder, renamed) >= (int)sizeof target)
        return errno = ENAMETOOLONG, complain(file);
    struct pl_buffer text, changed;
    pl_buffer_init(&text, FILE_BYTES);
    pl_buffer_init(&changed, 2 * FILE_BYTES);
    bool good = read_whole(source, &text);
    if (good) put_renamed(&changed, text.data ? text.data : "", text.size, made->name);
    good = good && !pl_buffer_failed(&changed) && write_whole(target, &changed);
    pl_buffer_fini(&text);
    pl_buffer_fini(&changed);
    made->count += good;
    return good;
}

static int no_hidden(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static bool copy_folder(struct made *made, const char *templates, const char *part) {
    char from[PATH_MAX];
    struct dirent **entries = NULL;
    if (snprintf(from, sizeof from, "%s/%s", templates, part) >= (int)sizeof from)
        return errno = ENAMETOOLONG, complain(templates);
    int count = scandir(from, &entries, no_hidden, alphasort);
    bool good = count >= 0 || complain(from);
    for (int i = 0; i < count; i++) {
        good = good && copy_file(made, from, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return good;
}

/* ---- The command ---- */

/* A folder that is there already has to be empty. */
static bool make_folder(const char *path) {
    if (mkdir(path, 0777) == 0) return true;
    if (errno != EEXIST) return complain(path);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, NULL);
    if (count < 0) return complain(path);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (count > 2) fprintf(stderr, "potline new-operator: %s is there and not empty; --dir DIR names another\n", path);
    return count <= 2;
}

static void tell(const struct made *made) {
    size_t at = 0;
    for (unsigned i = 0; i < made->count; i++, at += strlen(made->names.data + at) + 1)
        printf("wrote %s/%s\n", made->folder, made->names.data + at);
    printf("next: cd %s && cmake -B build && cmake --build build && ctest --test-dir build; or: make check\n",
           made->folder);
}

static int new_operator(const struct pl_cli *cli) {
    const char *name = pl_cli_operand(cli, 0), *kind = pl_cli_get(cli, "kind"), *folder = pl_cli_get(cli, "dir");
    if (!kind) kind = kinds[0];
    if (!good_name(name))
        return pl_cli_usage(cli, "\"%s\" is no name: up to %d of a-z, 0-9 and _, beginning with a letter, no word of C",
                            name, NAME_MOST);
    if (pl_cli_choice(cli, "kind", kind, kinds) < 0 || is_taken(kind, name)) return PL_EXIT_USAGE;
    const char *share = getenv("POTLINE_SHARE");
    char templates[PATH_MAX];
    if (!share || snprintf(templates, sizeof templates, "%s/plugin-template", share) >= (int)sizeof templates ||
        access(templates, R_OK) != 0) {
        fprintf(stderr, "potline new-operator: there is no plugin template in %s; POTLINE_SHARE says where it is\n",
                share ? share : "share/potline");
        return PL_EXIT_FAILED;
    }
    struct made made = {.name = name, .folder = folder ? folder : name};
    pl_buffer_init(&made.names, PATH_MAX);
    bool good =
        make_folder(made.folder) && copy_folder(&made, templates, "common") && copy_folder(&made, templates, kind);
    if (good) tell(&made);
    pl_buffer_fini(&made.names);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

const struct pl_subcommand pl_subcommand_new_operator = {
    .name = "new-operator",
    .operands = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Write the skeleton of an operator plugin, with its tests.",
    .doc = "It builds and passes its tests as it is, with CMake or with make and pkg-config, against an installed "
           "Potline\n"
           "or the folder one was built in. docs/write-an-operator.md goes on from there.",
    .options = PL_CLI_OPTIONS({"dir", "DIR", "Where to write it; else a new folder of that name.", 0},
                              {"kind", "KIND", "filter (what has input and output: the default), source or sink.", 0}),
    .run = new_operator,
};
