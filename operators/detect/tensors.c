/* tensors.c: safetensors files, read. */
#include "tensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <potline/json.h>

struct reading {
    const char *path;
    struct tensors *tensors;
    const uint8_t *data; /* behind the header */
    uint64_t size;       /* of it */
    struct pl_error **error;
};

static enum pl_code damaged(const struct reading *r, const char *what) {
    return pl_error_set(r->error, PL_CORRUPT, "%s: %s", r->path, what);
}

/* ---- A tensor of the header ---- */

static bool read_whole(struct pl_json *json, uint64_t *number) {
    const char *text;
    size_t length;
    int64_t value;
    if (!pl_json_number(json, &text, &length) || !pl_text_int(text, length, &value) || value < 0) return false;
    *number = (uint64_t)value;
    return true;
}

static bool read_shape(struct pl_json *json, struct tensor *t) {
    if (!pl_json_enter(json, '[')) return false;
    t->count = 1;
    while (pl_json_more(json, ']')) {
        uint64_t extent;
        if (t->dimensions == TENSOR_DIMENSIONS || !read_whole(json, &extent) || extent > TENSORS_FILE_MAX) return false;
        t->extent[t->dimensions++] = extent;
        t->count *= extent;
        if (t->count > TENSORS_FILE_MAX) return false;
    }
    return !json->failed;
}

static bool read_type(struct pl_json *json, struct tensor *t) {
    const char *text;
    size_t length;
    if (!pl_json_string(json, &text, &length) || length != 3) return false;
    t->wide = memcmp(text, "F64", 3) == 0;
    return t->wide || memcmp(text, "F32", 3) == 0;
}

static bool is(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool read_offsets(struct pl_json *json, uint64_t offset[2]) {
    return pl_json_enter(json, '[') && pl_json_more(json, ']') && read_whole(json, &offset[0]) &&
           pl_json_more(json, ']') && read_whole(json, &offset[1]) && !pl_json_more(json, ']') && !json->failed;
}

static enum pl_code read_tensor(struct reading *r, struct pl_json *json, const char *name, size_t length) {
    const char *key;
    size_t key_length;
    uint64_t offset[2] = {1, 0};
    unsigned seen = 0;
    if (r->tensors->count == TENSORS_MAX) return damaged(r, "it has too many tensors");
    if (length >= TENSOR_NAME_MAX) return damaged(r, "the name of a tensor is too long");
    struct tensor *t = &r->tensors->tensor[r->tensors->count];
    *t = (struct tensor){0};
    memcpy(t->name, name, length);
    if (!pl_json_enter(json, '{')) return damaged(r, "its header is not that of a safetensors file");
    while (pl_json_more(json, '}')) {
        if (!pl_json_key(json, &key, &key_length)) break;
        if (is(key, key_length, "dtype")) {
            if (!read_type(json, t))
                return pl_error_set(r->error, PL_CORRUPT, "%s: tensor %s is neither F32 nor F64: save it as float32",
                                    r->path, t->name);
            seen |= 1;
        } else if (is(key, key_length, "shape")) {
            if (t->dimensions || !read_shape(json, t)) break;
            seen |= 2;
        } else if (is(key, key_length, "data_offsets")) {
            if (!read_offsets(json, offset)) break;
            seen |= 4;
        } else if (!pl_json_skip(json)) {
            break;
        }
    }
    const uint64_t bytes = t->count * (t->wide ? 8 : 4);
    const bool fits = offset[0] <= offset[1] && offset[1] <= r->size && offset[1] - offset[0] == bytes;
    if (json->failed || seen != 7 || !fits)
        return pl_error_set(r->error, PL_CORRUPT, "%s: tensor %s is not described as it lies there", r->path, t->name);
    t->data = r->data + offset[0];
    r->tensors->count++;
    return PL_OK;
}

/* ---- The header ---- */

static enum pl_code read_notes(struct reading *r, struct pl_json *json) {
    const char *key, *text;
    size_t key_length, length;
    if (!pl_json_enter(json, '{')) return damaged(r, "its __metadata__ is no map");
    while (pl_json_more(json, '}')) {
        if (!pl_json_key(json, &key, &key_length)) break;
        char *kept = pl_strndup(key, key_length);
        if (!pl_json_string(json, &text, &length)) {
            pl_free(kept);
            break;
        }
        char *kept_text = pl_strndup(text, length);
        if (!kept || !kept_text || r->tensors->notes == TENSOR_NOTES_MAX) {
            pl_free(kept);
            pl_free(kept_text);
            return damaged(r, "its __metadata__ is too long");
        }
        r->tensors->note[r->tensors->notes++] = (struct tensor_note){kept, kept_text};
    }
    return json->failed ? damaged(r, "its __metadata__ holds more than texts") : PL_OK;
}

static enum pl_code read_header(struct reading *r, const char *text, size_t size, char *unescaped) {
    struct pl_json json;
    const char *key;
    size_t length;
    enum pl_code code = PL_OK;
    pl_json_init(&json, text, size, unescaped);
    if (!pl_json_enter(&json, '{')) return damaged(r, "its header is not that of a safetensors file");
    while (!code && pl_json_more(&json, '}')) {
        if (!pl_json_key(&json, &key, &length)) break;
        code = is(key, length, "__metadata__") ? read_notes(r, &json) : read_tensor(r, &json, key, length);
    }
    if (!code && (json.failed || !pl_json_end(&json))) code = damaged(r, "its header is damaged");
    return code;
}

/* ---- The checksum ---- */

/* Where a text stands in the header; NULL: it does not. */
static const char *find_text(const char *header, size_t size, const char *text) {
    const size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(header + i, text, length) == 0) return header + i;
    return NULL;
}

/* Of the header with zeros in the digits' place, and the data. False without memory. */
static bool sum_up(const struct reading *r, const char *header, size_t size, const char *digits, uint64_t *sum) {
    static const char zeros[] = TENSORS_CHECKSUM_NONE;
    const size_t before = (size_t)(digits - header), behind = before + TENSORS_CHECKSUM_DIGITS;
    XXH3_state_t *state = XXH3_createState();
    const bool good = state && XXH3_64bits_reset(state) == XXH_OK &&
                      XXH3_64bits_update(state, header, before) == XXH_OK &&
                      XXH3_64bits_update(state, zeros + TENSORS_CHECKSUM_PREFIX, TENSORS_CHECKSUM_DIGITS) == XXH_OK &&
                      XXH3_64bits_update(state, header + behind, size - behind) == XXH_OK &&
                      XXH3_64bits_update(state, r->data, r->size) == XXH_OK;
    if (good) *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return good;
}

/* Bytes that are finite numbers, and not those that were written, would forecast something else, and nobody would see.
 */
static enum pl_code check_sum(const struct reading *r, const char *header, size_t size) {
    const char *note = tensors_note(r->tensors, TENSORS_CHECKSUM), *at = note ? find_text(header, size, note) : NULL;
    char text[sizeof TENSORS_CHECKSUM_NONE] = "";
    uint64_t sum = 0;
    if (!note) return PL_OK;
    const bool known = at && strlen(note) == sizeof text - 1;
    if (known && !sum_up(r, header, size, at + TENSORS_CHECKSUM_PREFIX, &sum))
        return pl_error_set(r->error, PL_NO_MEMORY, "%s: no memory", r->path);
    if (known) snprintf(text, sizeof text, "xxh3:%016" PRIx64, sum);
    if (known && strcmp(text, note) == 0) return PL_OK;
    return damaged(
        r, "it is damaged: its checksum is not that of its bytes; take it from a backup, or train it again (where "
           "it was changed on purpose, leave `" TENSORS_CHECKSUM "` out of its metadata)");
}

/* ---- The file ---- */

static enum pl_code load(const char *path, uint8_t **bytes, uint64_t *size, struct pl_error **error) {
    struct stat info;
    FILE *in = fopen(path, "rb");
    if (!in) return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "%s: %s", path, strerror(errno));
    enum pl_code code = PL_OK;
    if (fstat(fileno(in), &info) || !S_ISREG(info.st_mode))
        code = pl_error_set(error, PL_IO, "%s: it is no file", path);
    else if ((uint64_t)info.st_size > TENSORS_FILE_MAX)
        code = pl_error_set(error, PL_LIMIT, "%s: it is larger than %u MiB", path, (unsigned)(TENSORS_FILE_MAX >> 20));
    *size = code ? 0 : (uint64_t)info.st_size;
    *bytes = code ? NULL : pl_alloc(*size + 1);
    if (!code && !*bytes) code = pl_error_set(error, PL_NO_MEMORY, "%s: no memory", path);
    if (!code && fread(*bytes, 1, *size, in) != *size) code = pl_error_set(error, PL_IO, "%s: it cannot be read", path);
    fclose(in);
    return code;
}

enum pl_code tensors_read(const char *path, struct tensors *tensors, struct pl_error **error) {
    uint64_t size = 0, header = 0;
    *tensors = (struct tensors){0};
    enum pl_code code = load(path, &tensors->bytes, &size, error);
    if (code) return code;
    struct reading r = {.path = path, .tensors = tensors, .error = error};
    for (unsigned i = 0; i < 8 && size >= 8; i++)
        header |= (uint64_t)tensors->bytes[i] << 8 * i;
    if (size < 8 || header > TENSORS_HEADER_MAX || header > size - 8)
        return damaged(&r, "it is no safetensors file, or was cut off");
    r.data = tensors->bytes + 8 + header;
    r.size = size - 8 - header;
    char *unescaped = pl_alloc(header + 1);
    if (!unescaped) return pl_error_set(error, PL_NO_MEMORY, "%s: no memory", path);
    code = read_header(&r, (const char *)tensors->bytes + 8, header, unescaped);
    pl_free(unescaped);
    return code ? code : check_sum(&r, (const char *)tensors->bytes + 8, header);
}

void tensors_free(struct tensors *tensors) {
    for (unsigned i = 0; i < tensors->notes; i++) {
        pl_free(tensors->note[i].key);
        pl_free(tensors->note[i].text);
    }
    pl_free(tensors->bytes);
    *tensors = (struct tensors){0};
}

const struct tensor *tensors_find(const struct tensors *tensors, const char *name) {
    for (unsigned i = 0; i < tensors->count; i++)
        if (strcmp(tensors->tensor[i].name, name) == 0) return &tensors->tensor[i];
    return NULL;
}

const char *tensors_note(const struct tensors *tensors, const char *key) {
    for (unsigned i = 0; i < tensors->notes; i++)
        if (strcmp(tensors->note[i].key, key) == 0) return tensors->note[i].text;
    return NULL;
}

double tensor_value(const struct tensor *tensor, uint64_t index) {
    uint64_t bits = 0;
    const unsigned width = tensor->wide ? 8 : 4;
    for (unsigned i = 0; i < width; i++)
        bits |= (uint64_t)tensor->data[index * width + i] << 8 * i;
    if (tensor->wide) {
        double wide;
        memcpy(&wide, &bits, sizeof wide);
        return wide;
    }
    const uint32_t half = (uint32_t)bits;
    float narrow;
    memcpy(&narrow, &half, sizeof narrow);
    return (double)narrow;
}
